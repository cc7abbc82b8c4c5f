//! Identity testing in a prime field that holds roots of unity of every order that divides 1441440.
//!
//! Variables, atoms and roots are given independent values. An expression that vanishes for all such values vanishes for the
//! real ones, so a zero here proves more than was asked; anything else proves nothing.

use super::evaluate::Point;
use super::graph::{Graph, Id, Term};
use super::sample::Draw;
use dashu_base::Signed;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::HashMap;

/// A prime a little below `2^61`; `P - 1` is a multiple of `ORDER`.
const P: u64 = 2_305_843_009_213_423_681;
/// An element of multiplicative order `ORDER`.
const ROOT: u64 = 953_671_289_497_777_244;
const ORDER: u64 = 1_441_440;

fn sum(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= P { sum - P } else { sum }
}

fn product(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(P)) as u64
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = product(result, base);
        }
        base = product(base, base);
        exponent /= 2;
    }
    result
}

fn signed_power(base: u64, exponent: i64) -> Option<u64> {
    let result = power(base, exponent.unsigned_abs());
    if exponent >= 0 { Some(result) } else { (result != 0).then(|| power(result, P - 2)) }
}

fn rational(value: &RBig) -> Option<u64> {
    let modulus = UBig::from(P);
    let reduced = |value: &UBig| u64::try_from(value % &modulus).unwrap_or_default();
    let (sign, size) = value.numerator().clone().into_parts();
    let top = reduced(&size);
    let top = if top != 0 && IBig::from_parts(sign, UBig::ONE).is_negative() { P - top } else { top };
    if value.is_int() {
        Some(top)
    } else {
        Some(product(top, signed_power(reduced(value.denominator()), -1)?))
    }
}

/// The square root of a prime by its Gauss sum, so that it is the number that roots of unity make: `\sqrt{3}` is twice the
/// cosine of `\pi/6`.
fn square_root(of: &RBig) -> Option<u64> {
    let prime = u64::try_from(of.numerator()).ok().filter(|_| of.is_int())?;
    let unity = |turns: u64, order: u64| power(ROOT, ORDER / order * (turns % order));
    match prime {
        2 => Some(sum(unity(1, 8), unity(7, 8))),
        3 | 5 | 7 | 11 | 13 => {
            let gauss = (0..prime).fold(0, |total, k| sum(total, unity(k * k, prime)));
            Some(if prime % 4 == 1 { gauss } else { product(gauss, unity(3, 4)) })
        }
        _ => None,
    }
}

/// The common multiple of the degrees of all roots of a variable, where all are real, and so powers of one real root.
fn degrees(graph: &Graph, order: &[Id]) -> HashMap<Id, u64> {
    let mut degrees = HashMap::new();
    for id in order {
        if let Term::Root(of, degree) = graph.term(*id)
            && matches!(graph.term(*of), Term::Symbol(_))
        {
            let (common, degree) = (degrees.entry(*of).or_insert(1u64), u64::from(*degree));
            let (mut a, mut b) = (*common, degree);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            *common = if graph.is_real(*id) { (*common / a).saturating_mul(degree) } else { 0 };
        }
    }
    degrees.retain(|_, common| (1..1 << 20).contains(common));
    degrees
}

/// The value of a term at a point that follows from the seed. None where a divisor vanishes.
pub fn value(graph: &Graph, point: &Point, order: &[Id], id: Id, seed: u64) -> Option<u64> {
    let drawn = |id: Id| {
        let mut draw = Draw::new(9_000_000 + seed * 5000 + u64::from(id));
        match graph.term(id) {
            Term::Sign(_) if draw.next().is_multiple_of(2) => 1,
            Term::Sign(_) => P - 1,
            _ => draw.next() % P,
        }
    };
    let degrees = degrees(graph, order);
    let mut known: Vec<Option<u64>> = vec![None; graph.size()];
    for id in order {
        let value = match graph.term(*id) {
            // Roots of different degrees of one variable are powers of one root.
            Term::Symbol(_) => power(drawn(*id), degrees.get(id).copied().unwrap_or(1)),
            Term::Root(of, degree) if degrees.contains_key(of) => {
                power(drawn(*of), degrees[of] / u64::from(*degree))
            }
            Term::Rational(value) => rational(value)?,
            Term::Root(of, 2) if graph.as_rational(*of).is_some_and(|of| square_root(of).is_some()) => {
                square_root(graph.as_rational(*of)?)?
            }
            Term::Unity(turns) => {
                let bottom = u64::try_from(turns.denominator()).ok()?;
                let top = u64::try_from(turns.numerator()).ok()?;
                if ORDER.is_multiple_of(bottom) { power(ROOT, ORDER / bottom * top) } else { drawn(*id) }
            }
            Term::Exp { of, share } => match graph.term(*of) {
                Term::Ln(base) if *share == 1 && graph.as_rational(*base).is_some() => {
                    rational(graph.as_rational(*base)?)?
                }
                _ => {
                    let whole = graph.find(&Term::Exp { of: *of, share: 1 })?;
                    let common = point.shares.get(&whole).copied().unwrap_or(1);
                    power(drawn(whole), u64::from(common / share))
                }
            },
            Term::Sum(rest, terms) => terms.iter().try_fold(rational(rest)?, |total, (id, factor)| {
                let value = known[*id as usize]?;
                let value = if *factor == RBig::ONE { value } else { product(value, rational(factor)?) };
                Some(sum(total, value))
            })?,
            Term::Product(factors) => factors.iter().try_fold(1, |all, (id, exponent)| {
                Some(product(all, signed_power(known[*id as usize]?, *exponent)?))
            })?,
            _ => drawn(*id),
        };
        known[*id as usize] = Some(value);
    }
    known[id as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_unity_have_their_order() {
        assert_eq!(P % ORDER, 1);
        assert_eq!(power(ROOT, ORDER), 1);
        for prime in [2, 3, 5, 7, 11, 13] {
            assert_ne!(power(ROOT, ORDER / prime), 1);
        }
        assert_eq!(power(ROOT, ORDER / 2), P - 1);
    }

    #[test]
    fn square_roots_are_made_of_roots_of_unity() {
        for prime in [2u8, 3, 5, 7, 11, 13] {
            let root = square_root(&RBig::from(prime)).unwrap();
            assert_eq!(product(root, root), u64::from(prime));
        }
        let twelfth = |turns: u64| power(ROOT, ORDER / 12 * turns);
        assert_eq!(square_root(&RBig::from(3)).unwrap(), sum(twelfth(1), twelfth(11)));
        let fifth = |turns: u64| power(ROOT, ORDER / 5 * turns);
        // 2 cos 72 degrees is (sqrt 5 - 1)/2.
        let doubled = product(2, sum(fifth(1), fifth(4)));
        assert_eq!(sum(doubled, 1), square_root(&RBig::from(5)).unwrap());
    }

    #[test]
    fn rationals_keep_their_sums() {
        let half = rational(&RBig::from_parts((-1).into(), 2u8.into())).unwrap();
        assert_eq!(sum(sum(half, half), 1), 0);
    }
}
