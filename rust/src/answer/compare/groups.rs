//! Cyclic groups, their powers and products: `\mathbb{Z}/2\mathbb{Z}`, `\mathbb{Z}_2 \times \mathbb{Z}_3`, `\mathbb{Z}^2`.

use super::{Reason, Verdict};
use crate::answer::parse::CYCLIC;
use crate::answer::tree::Node;

/// Factors of one group.
const MAX_FACTORS: usize = 64;
/// Order of one factor.
const MAX_ORDER: u64 = 1 << 20;

/// Different where the groups are not isomorphic; None where these are no groups, or isomorphic but written differently.
pub fn compare(left: &Node, right: &Node) -> Option<Verdict> {
    let (mut left, mut right) = (factors(left)?, factors(right)?);
    left.sort_unstable();
    right.sort_unstable();
    if left == right {
        return Some(Verdict::equal(Reason::SameItems));
    }
    (primary(&left) != primary(&right)).then_some(Verdict::different(Reason::ItemDiffers))
}

/// Orders of the cyclic factors, or names of other ones.
fn factors(node: &Node) -> Option<Vec<(u64, String)>> {
    match node {
        Node::Call(name, items) if name == CYCLIC => match items.as_slice() {
            [Node::Number(order)] => {
                let order = order.digits.parse().ok().filter(|order| (1..=MAX_ORDER).contains(order))?;
                Some(vec![(order, String::new())])
            }
            _ => None,
        },
        Node::Call(name, items) if items.is_empty() => {
            matches!(name.as_str(), "integers" | "rationals" | "complexes" | "reals")
                .then(|| vec![(0, name.to_string())])
        }
        Node::Power(base, exponent) => {
            let Node::Number(count) = &**exponent else { return None };
            let count: usize = count.digits.parse().ok().filter(|count| (1..=MAX_FACTORS).contains(count))?;
            let factors = factors(base)?;
            (factors.len() * count <= MAX_FACTORS).then(|| vec![factors; count].concat())
        }
        Node::Product(parts) => {
            let parts = parts.iter().map(factors).collect::<Option<Vec<_>>>()?;
            Some(parts.concat()).filter(|factors| factors.len() <= MAX_FACTORS)
        }
        _ => None,
    }
}

/// The orders as prime powers, by the Chinese remainder theorem.
fn primary(factors: &[(u64, String)]) -> Vec<(u64, String)> {
    let mut powers = Vec::new();
    for (order, name) in factors {
        if *order == 0 {
            powers.push((0, name.clone()));
        }
        let mut rest = (*order).max(1);
        for divisor in 2.. {
            if divisor * divisor > rest {
                break;
            }
            let mut power = 1;
            while rest % divisor == 0 {
                rest /= divisor;
                power *= divisor;
            }
            if power > 1 {
                powers.push((power, String::new()));
            }
        }
        if rest > 1 {
            powers.push((rest, String::new()));
        }
    }
    powers.sort_unstable();
    powers
}
