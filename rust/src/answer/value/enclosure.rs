//! Real intervals with fixed-point ends, for values that have no exact normal form and for rounded decimals.

use super::polynomial::{Atom, Polynomial};
use crate::answer::limits::MAX_BITS;
use crate::answer::tree::{Constant, Node};
use dashu_base::{Abs, BitTest, DivEuclid, Signed, SquareRoot};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::cmp::Ordering;

/// Bits after the binary point.
const PRECISION: usize = 320;

const PI: &str =
    "3141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342117067";
const E: &str =
    "2718281828459045235360287471352662497757247093699959574966967627724076630353547594571382178525166427";
/// Digits of the constants after their first.
const CONSTANT_DIGITS: usize = 99;

/// A closed interval that holds the value, in units of `2^-PRECISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    low: IBig,
    high: IBig,
}

impl Enclosure {
    /// Of a tree of constants, sums, products, quotients, integer powers and roots; None for anything else, for complex
    /// values, and where a divisor or an even radicand cannot be told from zero.
    pub fn of(node: &Node) -> Option<Self> {
        match node {
            Node::Number(literal) => Some(Self::rational(&literal.rational().ok()?)),
            Node::Constant(Constant::Pi) => constant(PI),
            Node::Constant(Constant::E) => constant(E),
            Node::Negative(inner) => Some(Self::of(inner)?.negated()),
            Node::Sum(terms) => terms.iter().try_fold(Self::point(IBig::ZERO), |sum, term| {
                let term = Self::of(term)?;
                Some(Self { low: sum.low + term.low, high: sum.high + term.high })
            }),
            Node::Product(factors) => {
                factors.iter().try_fold(Self::point(IBig::ONE << PRECISION), |product, factor| {
                    product.times(&Self::of(factor)?)
                })
            }
            Node::Quotient(top, bottom) => Self::of(top)?.times(&Self::of(bottom)?.inverse()?),
            Node::Power(base, exponent) => Self::of(base)?.power(integer(exponent)?),
            Node::Root(radicand, degree) => Self::of(radicand)?.root(integer(degree)?),
            _ => None,
        }
    }

    /// Of a sum of real square roots with powers of pi and e; None where there are variables or opaque terms.
    pub fn polynomial(polynomial: &Polynomial) -> Option<Self> {
        polynomial.terms().try_fold(Self::point(IBig::ZERO), |sum, (monomial, value)| {
            let mut term = Self::rational(value);
            if !monomial.radicand.is_one() {
                let radicand = Self::rational(&RBig::from(monomial.radicand.clone()));
                term = term.times(&radicand.root(2)?)?;
            }
            for (atom, exponent) in &monomial.powers {
                let base = match atom {
                    Atom::Pi => constant(PI)?,
                    Atom::E => constant(E)?,
                    Atom::Symbol(_) | Atom::Opaque { .. } => return None,
                };
                term = term.times(&base.power(i64::from(*exponent))?)?;
            }
            Some(Self { low: sum.low + term.low, high: sum.high + term.high })
        })
    }

    /// Which value is smaller; `Equal` only for the same single point, None where the intervals overlap otherwise.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        if self.is_apart_from(other) {
            Some(self.low.cmp(&other.low))
        } else {
            (self == other && self.low == self.high).then_some(Ordering::Equal)
        }
    }

    /// Of a rational.
    pub fn rational(value: &RBig) -> Self {
        let scaled = value.numerator() << PRECISION;
        let low = scaled.div_euclid(IBig::from(value.denominator().clone()));
        let high = if value.is_int() { low.clone() } else { &low + IBig::ONE };
        Self { low, high }
    }

    /// Whether no value lies in both.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }

    /// Whether `printed`, which has this many decimals, is the enclosed value rounded to nearest or cut there.
    pub fn rounds_to(&self, printed: &RBig, decimals: usize) -> bool {
        let scale = IBig::from(UBig::from(10u8).pow(decimals));
        let wanted = (printed.numerator() * &scale) / IBig::from(printed.denominator().clone());
        let negative = wanted.is_negative();
        let (near, far) =
            if negative { (-&self.high, -&self.low) } else { (self.low.clone(), self.high.clone()) };
        if near.is_negative() {
            return false;
        }
        let wanted = wanted.abs();
        let one = IBig::ONE << PRECISION;
        let half = &one >> 1;
        let digits = |end: &IBig, offset: &IBig| (end * &scale + offset).div_euclid(one.clone());
        [IBig::ZERO, half]
            .iter()
            .any(|offset| digits(&near, offset) == wanted && digits(&far, offset) == wanted)
    }

    fn point(value: IBig) -> Self {
        Self { low: value.clone(), high: value }
    }

    fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    fn times(&self, other: &Self) -> Option<Self> {
        let ends = [
            &self.low * &other.low,
            &self.low * &other.high,
            &self.high * &other.low,
            &self.high * &other.high,
        ];
        let low = ends.iter().min()? >> PRECISION;
        let high = (ends.iter().max()? >> PRECISION) + IBig::ONE;
        (low.bit_len().max(high.bit_len()) <= MAX_BITS).then_some(Self { low, high })
    }

    fn inverse(&self) -> Option<Self> {
        if !self.low.is_positive() && !self.high.is_negative() {
            return None;
        }
        let one = IBig::ONE << (2 * PRECISION);
        let low = one.clone().div_euclid(self.high.clone());
        let high = one.div_euclid(self.low.clone()) + IBig::ONE;
        // Euclidean division rounds up for a negative divisor.
        Some(Self { low: low - IBig::ONE, high })
    }

    fn power(&self, exponent: i64) -> Option<Self> {
        if exponent.unsigned_abs() > 1000 {
            return None;
        }
        let base = if exponent < 0 { self.inverse()? } else { self.clone() };
        let mut result = Self::point(IBig::ONE << PRECISION);
        for _ in 0..exponent.unsigned_abs() {
            result = result.times(&base)?;
        }
        Some(result)
    }

    fn root(&self, degree: i64) -> Option<Self> {
        if self.low.is_negative() || !(2..=16).contains(&degree) {
            return None;
        }
        let degree = degree as usize;
        let root = |end: &IBig| {
            let (_, magnitude) = (end << (PRECISION * (degree - 1))).into_parts();
            IBig::from(if degree == 2 { magnitude.sqrt() } else { magnitude.nth_root(degree) })
        };
        Some(Self { low: root(&self.low), high: root(&self.high) + IBig::ONE })
    }
}

fn constant(digits: &str) -> Option<Enclosure> {
    let scaled = digits.parse::<IBig>().ok()?;
    let scale = UBig::from(10u8).pow(CONSTANT_DIGITS);
    let low = Enclosure::rational(&RBig::from_parts(scaled.clone(), scale.clone())).low;
    let high = Enclosure::rational(&RBig::from_parts(scaled + IBig::ONE, scale)).high;
    Some(Enclosure { low, high })
}

fn integer(node: &Node) -> Option<i64> {
    match node {
        Node::Number(literal) => {
            i64::try_from(literal.rational().ok().filter(RBig::is_int)?.numerator()).ok()
        }
        Node::Negative(inner) => integer(inner)?.checked_neg(),
        _ => None,
    }
}
