//! How small an algebraic number can be without being zero.
//!
//! The bound of Burnikel, Funke, Mehlhorn, Schirra and Schmitt ("A separation bound for real algebraic expressions", 2001):
//! a value `E = U/L` with algebraic integers `U` and `L` whose conjugates are at most `u` and `l` in size, of degree at most
//! `D`, is zero or at least `1 / (u^(D-1) l)`. Their rules for sums, products, quotients and roots hold for complex
//! values too; a root of unity of order n has size 1 and degree at most phi(n), shared with all orders that divide n.

use super::evaluate::{Point, Values};
use super::graph::{Graph, Id, Term};
use crate::answer::limits::{Budget, MAX_SEPARATION_BITS, Stop};
use dashu_base::BitTest;
use dashu_int::UBig;
use dashu_ratio::RBig;

/// Bounds up to which nothing less precise is tried first.
const EASY_BITS: u64 = 2_000;

/// Logarithms to base 2 of `u` and `l`, rounded up.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    top: u64,
    bottom: u64,
}

impl Sizes {
    fn rational(value: &RBig) -> Self {
        Self { top: value.numerator().bit_len() as u64, bottom: bits_above_one(value.denominator()) }
    }

    fn times(self, other: Self) -> Self {
        Self { top: self.top.saturating_add(other.top), bottom: self.bottom.saturating_add(other.bottom) }
    }

    fn power(self, exponent: i64) -> Self {
        let (top, bottom) = if exponent < 0 { (self.bottom, self.top) } else { (self.top, self.bottom) };
        let size = exponent.unsigned_abs();
        Self { top: top.saturating_mul(size), bottom: bottom.saturating_mul(size) }
    }

    fn root(self, degree: u64) -> Self {
        let mixed =
            |one: u64, other: u64| one.saturating_add(other.saturating_mul(degree - 1)).div_ceil(degree);
        if self.top >= self.bottom {
            Self { top: mixed(self.top, self.bottom), bottom: self.bottom }
        } else {
            Self { top: self.top, bottom: mixed(self.bottom, self.top) }
        }
    }
}

fn bits_above_one(value: &UBig) -> u64 {
    if value.is_one() { 0 } else { value.bit_len() as u64 }
}

/// Bits below which a value at a point is zero; None where it is not algebraic there, or the bound too small.
fn bound(graph: &Graph, point: &Point, order: &[Id], id: Id) -> Option<u64> {
    let mut sizes: Vec<Option<Sizes>> = vec![None; graph.size()];
    let (mut degree, mut unity_order) = (1u64, 1u64);
    for id in order {
        let of = |id: &Id| sizes[*id as usize];
        let own = match graph.term(*id) {
            _ if point.values.contains_key(id) => Sizes::rational(&point.values[id]),
            Term::Rational(value) => Sizes::rational(value),
            Term::Unity(turns) => {
                let bottom = u64::try_from(turns.denominator()).ok()?;
                unity_order = lcm(unity_order, bottom)?;
                Sizes { top: 0, bottom: 0 }
            }
            Term::Exp { of: inner, share } => {
                let whole = graph.find(&Term::Exp { of: *inner, share: 1 })?;
                let common = point.shares.get(&whole).copied().unwrap_or(1);
                let base = match point.directions.get(&whole) {
                    // (b^2 - a^2 + 2 a b i) / (a^2 + b^2) for the slope a/b
                    Some(slope) => {
                        unity_order = lcm(unity_order, 4)?;
                        let own = Sizes::rational(slope);
                        let size = 2 * own.top.max(own.bottom) + 2;
                        Sizes { top: size, bottom: size }
                    }
                    None => Sizes::rational(point.values.get(&whole)?),
                };
                base.power(i64::from(common / share))
            }
            Term::Sum(rest, terms) => {
                let mut parts = vec![Sizes::rational(rest)];
                for (id, factor) in terms {
                    parts.push(of(id)?.times(Sizes::rational(factor)));
                }
                let bottom = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.bottom));
                let reach = |part: &Sizes| part.top.saturating_add(bottom - part.bottom.min(bottom));
                let largest = parts.iter().map(reach).max()?;
                let carry = 64 - (parts.len() as u64).leading_zeros();
                Sizes { top: largest.saturating_add(u64::from(carry)), bottom }
            }
            Term::Product(factors) => {
                factors.iter().try_fold(Sizes { top: 0, bottom: 0 }, |all, (id, power)| {
                    Some(all.times(of(id)?.power(*power)))
                })?
            }
            Term::Root(inner, own) => {
                degree = degree.checked_mul(u64::from(*own))?;
                of(inner)?.root(u64::from(*own))
            }
            Term::Abs(inner) => of(inner)?,
            Term::Max(ids) => {
                let parts: Option<Vec<Sizes>> = ids.iter().map(of).collect();
                let parts = parts?;
                Sizes {
                    top: parts.iter().map(|part| part.top).max()?,
                    bottom: parts.iter().map(|part| part.bottom).max()?,
                }
            }
            _ => return None,
        };
        sizes[*id as usize] = Some(own);
    }
    let degree = degree.checked_mul(totient(unity_order))?;
    let value = sizes[id as usize]?;
    let bits = (degree - 1).checked_mul(value.top)?.checked_add(value.bottom)?;
    (bits <= MAX_SEPARATION_BITS as u64).then_some(bits)
}

fn lcm(left: u64, right: u64) -> Option<u64> {
    let (mut a, mut b) = (left, right);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (left / a).checked_mul(right).filter(|value| *value < 1 << 20)
}

fn totient(n: u64) -> u64 {
    let (mut rest, mut result, mut divisor) = (n, n, 2);
    while divisor * divisor <= rest {
        if rest.is_multiple_of(divisor) {
            while rest.is_multiple_of(divisor) {
                rest /= divisor;
            }
            result -= result / divisor;
        }
        divisor += 1;
    }
    if rest > 1 { result - result / rest } else { result }
}

/// Whether an algebraic value is zero at a point, and the bits of precision that showed it; None where the bound is out
/// of reach.
pub fn is_zero_at(
    graph: &Graph,
    point: &Point,
    order: &[Id],
    id: Id,
    budget: &mut Budget,
) -> Result<Option<(bool, usize)>, Stop> {
    let Some(bound) = bound(graph, point, order, id) else { return Ok(None) };
    let wanted = -(bound as i64) - 2;
    // What comes here is mostly zero: a bound within easy reach is tried at once.
    let mut bits = if bound <= EASY_BITS { bound as usize + 80 } else { 64 };
    // The precision grows until the ball is apart from zero or smaller than the bound.
    while bits <= 2 * MAX_SEPARATION_BITS {
        let values = Values::of(graph, point, order, bits, budget)?;
        if let Some(value) = values.get(id) {
            if !value.has_zero() {
                return Ok(Some((false, bits)));
            }
            if value.top() < wanted {
                return Ok(Some((true, bits)));
            }
        } else if bits > 256 {
            return Ok(None);
        }
        bits = if bits as u64 > bound + 64 { bits * 2 } else { (bits * 4).min(bound as usize + 80) };
    }
    Ok(None)
}
