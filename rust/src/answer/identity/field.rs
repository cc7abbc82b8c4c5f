//! Identity testing in the field with `p^2` elements for the Mersenne prime `p = 2^61 - 1`, where i is a square root of -1.

use super::evaluate::Point;
use super::graph::{Graph, Id, Term};
use dashu_base::Signed;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::HashMap;

const P: u64 = (1 << 61) - 1;

/// `re + im i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    re: u64,
    im: u64,
}

fn sum(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= P { sum - P } else { sum }
}

fn difference(a: u64, b: u64) -> u64 {
    sum(a, P - b)
}

fn product(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    sum((wide as u64) & P, (wide >> 61) as u64)
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

impl Element {
    const ONE: Self = Self { re: 1, im: 0 };

    /// Zero.
    pub fn is_zero(self) -> bool {
        self.re == 0 && self.im == 0
    }

    fn plus(self, other: Self) -> Self {
        Self { re: sum(self.re, other.re), im: sum(self.im, other.im) }
    }

    fn times(self, other: Self) -> Self {
        if self.im == 0 && other.im == 0 {
            return Self { re: product(self.re, other.re), im: 0 };
        }
        Self {
            re: difference(product(self.re, other.re), product(self.im, other.im)),
            im: sum(product(self.re, other.im), product(self.im, other.re)),
        }
    }

    fn inverse(self) -> Option<Self> {
        let norm = sum(product(self.re, self.re), product(self.im, self.im));
        let scale = (norm != 0).then(|| power(norm, P - 2))?;
        Some(Self { re: product(self.re, scale), im: product(difference(0, self.im), scale) })
    }

    fn power(self, exponent: i64) -> Option<Self> {
        let mut base = if exponent < 0 { self.inverse()? } else { self };
        let (mut result, mut left) = (Self::ONE, exponent.unsigned_abs());
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(base);
            }
            base = base.times(base);
            left /= 2;
        }
        Some(result)
    }

    fn rational(value: &RBig) -> Option<Self> {
        let modulus = UBig::from(P);
        let reduced = |value: &UBig| u64::try_from(value % &modulus).unwrap_or_default();
        let (sign, size) = value.numerator().clone().into_parts();
        let top = reduced(&size);
        let top = if IBig::from_parts(sign, UBig::ONE).is_negative() { difference(0, top) } else { top };
        let bottom = Self { re: reduced(value.denominator()), im: 0 };
        Some(Self { re: top, im: 0 }.times(if value.is_int() { Self::ONE } else { bottom.inverse()? }))
    }
}

/// The value of a term where its atoms have these values. None for roots and other terms that have no place here, and where
/// a divisor vanishes.
pub fn value(
    graph: &Graph,
    point: &Point,
    atoms: &HashMap<Id, u64>,
    order: &[Id],
    id: Id,
) -> Option<Element> {
    let mut known: Vec<Option<Element>> = vec![None; graph.size()];
    for id in order {
        let value = match graph.term(*id) {
            Term::Rational(value) => Element::rational(value)?,
            Term::Unity(turns) if *turns.denominator() == UBig::from(4u8) => Element { re: 0, im: 1 },
            Term::Exp { of, share } => {
                if let Term::Ln(base) = graph.term(*of)
                    && let (Some(base), 1) = (graph.as_rational(*base), share)
                {
                    Element::rational(base)?
                } else {
                    let whole = graph.find(&Term::Exp { of: *of, share: 1 })?;
                    let common = point.shares.get(&whole).copied().unwrap_or(1);
                    Element { re: *atoms.get(&whole)?, im: 0 }.power(i64::from(common / share))?
                }
            }
            Term::Sum(rest, terms) => {
                terms.iter().try_fold(Element::rational(rest)?, |sum, (id, factor)| {
                    Some(sum.plus(known[*id as usize]?.times(Element::rational(factor)?)))
                })?
            }
            Term::Product(factors) => factors.iter().try_fold(Element::ONE, |product, (id, exponent)| {
                Some(product.times(known[*id as usize]?.power(*exponent)?))
            })?,
            _ => Element { re: *atoms.get(id)?, im: 0 },
        };
        known[*id as usize] = Some(value);
    }
    known[id as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_and_i() {
        for seed in [1u64, 2, 12_345, P - 1] {
            let element = Element { re: seed, im: product(seed, 77) };
            assert_eq!(element.times(element.inverse().unwrap()), Element::ONE);
        }
        let unit = Element { re: 0, im: 1 };
        assert_eq!(unit.times(unit), Element { re: P - 1, im: 0 });
        let half = Element::rational(&RBig::from_parts((-1).into(), 2u8.into())).unwrap();
        assert!(half.plus(half).plus(Element::ONE).is_zero());
    }
}
