//! Functions given piece by piece.

use super::items;
use super::{Policy, Reason, Verdict, VerdictKind};
use crate::answer::limits::Budget;
use crate::answer::tree::Node;
use crate::answer::value::{Piece, Value};

/// The same where each piece has its like; different where two pieces with one condition are different polynomials or
/// constants, which agree at a few points at most. How pieces may be cut otherwise is left open.
pub fn compare(left: &[Piece], right: &[Piece], policy: Policy, budget: &mut Budget) -> Verdict {
    let mut used = vec![false; right.len()];
    let mut matched = left.len() == right.len();
    for one in left {
        let mut found = false;
        for (at, other) in right.iter().enumerate() {
            if items::compare(&one.condition, &other.condition, policy, budget).kind != VerdictKind::Equal {
                continue;
            }
            let same = items::compare(&one.value, &other.value, policy, budget);
            if same.is_equal() && !used[at] {
                used[at] = true;
                found = true;
                break;
            }
            if same.kind == VerdictKind::Different && tells(one, other) {
                return Verdict::different(Reason::ItemDiffers);
            }
        }
        matched &= found;
    }
    if matched { Verdict::equal(Reason::SameItems) } else { Verdict::undecided(Reason::NotNative) }
}

/// Whether two functions that are not the same also differ where their common condition holds.
fn tells(one: &Piece, other: &Piece) -> bool {
    let both = |holds: fn(&Node) -> bool| {
        [one, other].iter().all(|piece| matches!(&piece.value, Value::Leaf(leaf) if holds(&leaf.node)))
    };
    let wide = matches!(&one.condition, Value::Region(_, region) if region.is_infinite());
    both(Node::is_constant) || wide && both(is_rational_function)
}

fn is_rational_function(node: &Node) -> bool {
    match node {
        Node::Number(_) | Node::Symbol(_) | Node::Constant(_) => true,
        Node::Negative(inner) => is_rational_function(inner),
        Node::Sum(items) | Node::Product(items) => items.iter().all(is_rational_function),
        Node::Quotient(top, bottom) => is_rational_function(top) && is_rational_function(bottom),
        Node::Power(base, exponent) => {
            is_rational_function(base)
                && matches!(&**exponent, Node::Number(literal) if literal.is_plain_integer())
        }
        _ => false,
    }
}
