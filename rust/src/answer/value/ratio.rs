//! Quotients of polynomials: the values that are compared exactly.

use super::polynomial::{Atom, Monomial, Polynomial, magnitude};
use crate::answer::limits::{Budget, MAX_BITS, MAX_NAME_BYTES, Stop};
use crate::answer::rational::{product, quotient};
use dashu_base::{BitTest, Gcd, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// `top / bottom`; the bottom is 1 whenever it could be divided out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratio {
    top: Polynomial,
    bottom: Option<Box<Polynomial>>,
}

impl From<Polynomial> for Ratio {
    fn from(top: Polynomial) -> Self {
        Self { top, bottom: None }
    }
}

impl From<RBig> for Ratio {
    fn from(value: RBig) -> Self {
        Polynomial::from(value).into()
    }
}

impl Ratio {
    /// The value, if it is rational.
    pub fn rational(&self) -> Option<RBig> {
        if self.bottom.is_some() { None } else { self.top.rational() }
    }

    /// Whether the value is rational.
    pub fn is_rational(&self) -> bool {
        self.bottom.is_none() && self.top.is_rational()
    }

    /// The numerator, if there is no denominator.
    pub fn polynomial(&self) -> Option<&Polynomial> {
        if self.bottom.is_some() { None } else { Some(&self.top) }
    }

    /// The negative.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { top: self.top.negated(), bottom: self.bottom }
    }

    /// The sum.
    pub fn plus(mut self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        if self.bottom == other.bottom {
            self.top.add(&other.top, budget)?;
            return Ok(self);
        }
        let one = Polynomial::from(RBig::ONE);
        let (left, right) = (self.bottom.as_deref().unwrap_or(&one), other.bottom.as_deref().unwrap_or(&one));
        let mut top = self.top.times(right, budget)?;
        top.add(&other.top.times(left, budget)?, budget)?;
        Ok(Self { top, bottom: Some(Box::new(left.times(right, budget)?)) })
    }

    /// The product.
    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        let bottom = match (&self.bottom, &other.bottom) {
            (None, None) => None,
            (Some(bottom), None) | (None, Some(bottom)) => Some(bottom.clone()),
            (Some(left), Some(right)) => Some(Box::new(left.times(right, budget)?)),
        };
        Ok(Self { top: self.top.times(&other.top, budget)?, bottom })
    }

    /// The reciprocal. A sum with opaque terms might be zero and is not divided by.
    pub fn inverse(&self, budget: &mut Budget) -> Result<Self, Stop> {
        let numerator = self.bottom_or_one();
        if self.top.is_zero() {
            return Err(Stop::Undefined);
        }
        if let Some(inverse) = inverse_of_term(&self.top)? {
            return Ok(Self { top: numerator.times(&inverse, budget)?, bottom: None });
        }
        if !self.top.is_independent() {
            return Err(Stop::Beyond);
        }
        if !self.top.is_algebraic() {
            return Ok(Self { top: numerator, bottom: Some(Box::new(self.top.clone())) });
        }
        let (mut top, mut bottom) = (numerator, self.top.clone());
        // Each round removes one prime (or -1) from every radicand of the bottom.
        for _ in 0..16 {
            if let Some(inverse) = inverse_of_term(&bottom)? {
                return Ok(top.times(&inverse, budget)?.into());
            }
            let flipping = flipping_factor(&bottom)?;
            let conjugate = bottom.conjugated(|radicand| flips(radicand, flipping.as_ref()));
            top = top.times(&conjugate, budget)?;
            bottom = bottom.times(&conjugate, budget)?;
        }
        Err(Stop::Limit)
    }

    /// An integer power.
    pub fn power(&self, exponent: i64, budget: &mut Budget) -> Result<Self, Stop> {
        let base = if exponent < 0 { self.inverse(budget)? } else { self.clone() };
        let mut left = exponent.unsigned_abs();
        if let Some(value) = base.rational() {
            return rational_power(&value, left).map(Self::from);
        }
        budget.expects(
            base.top
                .work_of_power(left)
                .max(base.bottom.as_ref().map_or(0, |bottom| bottom.work_of_power(left))),
        )?;
        let mut square = base;
        let mut result = Self::from(RBig::ONE);
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(&square, budget)?;
            }
            left /= 2;
            if left > 0 {
                square = square.times(&square.clone(), budget)?;
            }
        }
        Ok(result)
    }

    /// Numerator and denominator.
    pub fn parts(&self) -> (Option<Polynomial>, Option<Polynomial>) {
        (Some(self.top.clone()), Some(self.bottom_or_one()))
    }

    fn bottom_or_one(&self) -> Polynomial {
        self.bottom.as_deref().cloned().unwrap_or_else(|| Polynomial::from(RBig::ONE))
    }

    /// `self - other` up to a factor that is not zero: a polynomial that vanishes exactly when they are equal.
    pub fn difference(&self, other: &Self, budget: &mut Budget) -> Result<Polynomial, Stop> {
        Ok(self.clone().plus(&other.clone().negated(), budget)?.top)
    }

    /// A name that is the same for values written the same way after simplification.
    pub fn name(&self) -> Result<String, Stop> {
        let name = match &self.bottom {
            None => self.top.name(),
            Some(bottom) => format!("{}//{}", self.top.name(), bottom.name()),
        };
        if name.len() > MAX_NAME_BYTES { Err(Stop::Limit) } else { Ok(name) }
    }
}

fn rational_power(value: &RBig, exponent: u64) -> Result<RBig, Stop> {
    if exponent == 0 && value.is_zero() {
        return Err(Stop::Undefined);
    }
    let (top, bottom) = (magnitude(value.numerator()), value.denominator());
    let trivial = (top.is_zero() || top.is_one()) && bottom.is_one();
    let bits = (top.bit_len() + bottom.bit_len()) as u64;
    if trivial {
        return Ok(match exponent {
            0 => RBig::ONE,
            odd if odd % 2 == 1 => value.clone(),
            _ => RBig::from(top),
        });
    }
    if bits.saturating_mul(exponent) > MAX_BITS as u64 {
        return Err(Stop::Limit);
    }
    let exponent = exponent as usize;
    Ok(RBig::from_parts(value.numerator().pow(exponent), bottom.pow(exponent)))
}

/// `1/(c sqrt(r) a^n) = sqrt(r) a^-n / (c r)`; None for a sum.
fn inverse_of_term(polynomial: &Polynomial) -> Result<Option<Polynomial>, Stop> {
    let mut terms = polynomial.terms();
    let (Some((monomial, value)), None) = (terms.next(), terms.next()) else { return Ok(None) };
    let unsafe_atom = |(atom, _): &(Atom, i32)| matches!(atom, Atom::Opaque { nonzero: false, .. });
    if monomial.powers.iter().any(unsafe_atom) {
        return Err(Stop::Beyond);
    }
    let powers = monomial.powers.iter().map(|(atom, exponent)| (atom.clone(), -exponent)).collect();
    let coefficient = quotient(&RBig::ONE, &product(value, &RBig::from(monomial.radicand.clone())));
    Ok(Some(Polynomial::term(Monomial { radicand: monomial.radicand.clone(), powers }, coefficient)))
}

/// A factor whose roots can be taken negative on their own: None is -1 (the imaginary unit), else a positive integer that
/// divides each radicand or is coprime to it.
fn flipping_factor(polynomial: &Polynomial) -> Result<Option<UBig>, Stop> {
    let mut radicands = polynomial.terms().map(|(monomial, _)| &monomial.radicand);
    if polynomial.terms().any(|(monomial, _)| monomial.radicand.is_negative()) {
        return Ok(None);
    }
    let radicand = radicands.find(|radicand| !radicand.is_one()).ok_or(Stop::Beyond)?;
    let radicand = magnitude(radicand);
    let small = (2u32..1000).map(UBig::from).find(|prime| (&radicand % prime).is_zero());
    let factor = small.unwrap_or(radicand);
    let clean = polynomial.terms().all(|(monomial, _)| {
        let common = (&magnitude(&monomial.radicand)).gcd(&factor);
        common.is_one() || common == factor
    });
    if clean { Ok(Some(factor)) } else { Err(Stop::Beyond) }
}

fn flips(radicand: &IBig, factor: Option<&UBig>) -> bool {
    match factor {
        None => radicand.is_negative(),
        Some(factor) => (magnitude(radicand) % factor).is_zero(),
    }
}
