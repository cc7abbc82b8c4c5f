//! Sums of rational multiples of square roots, powers of named constants and variables: `3/2 sqrt(5) pi x^2`.
//!
//! Square roots of distinct squarefree integers, powers of one transcendental constant and powers of variables are linearly
//! independent over the rationals, so two such sums are equal exactly when their terms are. That makes "different" a proof,
//! except where an opaque term such as `sin(1)` takes part.

use crate::answer::limits::{Budget, MAX_BITS, MAX_TERMS, Stop};
use dashu_base::{Abs, BitTest, Gcd, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::BTreeMap;

/// What is not a rational or the square root of an integer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// The circle's constant.
    Pi,
    /// Euler's number.
    E,
    /// A variable.
    Symbol(String),
    /// A value known only by its canonical name; equal names are equal values, different names prove nothing.
    Opaque {
        /// Function and canonical arguments.
        name: String,
        /// Known not to be zero, so it may be divided by.
        nonzero: bool,
    },
}

/// `sqrt(radicand)` times powers of atoms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monomial {
    /// Squarefree and not zero; -1 stands for the imaginary unit.
    pub radicand: IBig,
    /// Sorted by atom, exponents not zero.
    pub powers: Vec<(Atom, i32)>,
}

impl Default for Monomial {
    fn default() -> Self {
        Self { radicand: IBig::ONE, powers: Vec::new() }
    }
}

impl Monomial {
    /// The product, with the rational factor that leaves the root: `sqrt(2) sqrt(6) = 2 sqrt(3)`, `i i = -1`.
    fn times(&self, other: &Self) -> Result<(Self, IBig), Stop> {
        let both_negative = self.radicand.is_negative() && other.radicand.is_negative();
        let common = (&self.radicand).gcd(&other.radicand);
        let square = IBig::from(&common * &common);
        let mut radicand = &self.radicand * &other.radicand / square;
        if radicand.bit_len() > MAX_BITS {
            return Err(Stop::Limit);
        }
        let mut factor = IBig::from(common);
        if both_negative {
            factor = -factor;
            radicand = radicand.abs();
        }
        Ok((Self { radicand, powers: merged(&self.powers, &other.powers)? }, factor))
    }
}

fn merged(left: &[(Atom, i32)], right: &[(Atom, i32)]) -> Result<Vec<(Atom, i32)>, Stop> {
    if right.is_empty() {
        return Ok(left.to_vec());
    }
    let mut powers: BTreeMap<Atom, i32> = left.iter().cloned().collect();
    for (atom, exponent) in right {
        let sum = powers.entry(atom.clone()).or_default();
        *sum = sum.checked_add(*exponent).ok_or(Stop::Limit)?;
    }
    Ok(powers.into_iter().filter(|(_, exponent)| *exponent != 0).collect())
}

/// A finite sum of monomials; no coefficient is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polynomial {
    terms: BTreeMap<Monomial, RBig>,
}

impl From<RBig> for Polynomial {
    fn from(value: RBig) -> Self {
        Self::term(Monomial::default(), value)
    }
}

impl Polynomial {
    /// One term.
    pub fn term(monomial: Monomial, coefficient: RBig) -> Self {
        let mut terms = BTreeMap::new();
        if !coefficient.is_zero() {
            terms.insert(monomial, coefficient);
        }
        Self { terms }
    }

    /// An atom.
    pub fn atom(atom: Atom) -> Self {
        Self::term(Monomial { powers: vec![(atom, 1)], ..Monomial::default() }, RBig::ONE)
    }

    /// The square root of a squarefree integer.
    pub fn root(radicand: IBig) -> Self {
        Self::term(Monomial { radicand, ..Monomial::default() }, RBig::ONE)
    }

    /// Terms in the order of their monomials.
    pub fn terms(&self) -> impl ExactSizeIterator<Item = (&Monomial, &RBig)> {
        self.terms.iter()
    }

    /// No terms.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value, if it is rational.
    pub fn rational(&self) -> Option<RBig> {
        let mut terms = self.terms.iter();
        match (terms.next(), terms.next()) {
            (None, _) => Some(RBig::ZERO),
            (Some((monomial, value)), None) => (*monomial == Monomial::default()).then(|| value.clone()),
            _ => None,
        }
    }

    /// Whether equal terms are the only way to be equal: no opaque atom, and at most one of pi and e.
    pub fn is_independent(&self) -> bool {
        let has = |wanted: fn(&Atom) -> bool| {
            self.terms.keys().any(|monomial| monomial.powers.iter().any(|(atom, _)| wanted(atom)))
        };
        let opaque = has(|atom| matches!(atom, Atom::Opaque { .. }));
        let both = has(|atom| *atom == Atom::Pi) && has(|atom| *atom == Atom::E);
        !opaque && !both
    }

    /// Whether no atom occurs at all.
    pub fn is_algebraic(&self) -> bool {
        self.terms.keys().all(|monomial| monomial.powers.is_empty())
    }

    /// The negative.
    #[must_use]
    pub fn negated(mut self) -> Self {
        for value in self.terms.values_mut() {
            *value = -std::mem::take(value);
        }
        self
    }

    /// Adds in place.
    pub fn add(&mut self, other: &Self, budget: &mut Budget) -> Result<(), Stop> {
        for (monomial, value) in &other.terms {
            budget.spend(400 + cost(value))?;
            if let Some(sum) = self.terms.get_mut(monomial) {
                budget.spend(cost(sum))?;
                *sum += value;
                if size(sum) > MAX_BITS {
                    return Err(Stop::Limit);
                }
                if sum.is_zero() {
                    self.terms.remove(monomial);
                }
            } else {
                self.terms.insert(monomial.clone(), value.clone());
                if self.terms.len() > MAX_TERMS {
                    return Err(Stop::Limit);
                }
            }
        }
        Ok(())
    }

    /// The product.
    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        let mut product = Self::default();
        for (left, left_value) in &self.terms {
            for (right, right_value) in &other.terms {
                budget.spend(800 + cost(left_value) + cost(right_value))?;
                let (monomial, factor) = left.times(right)?;
                let value = left_value * right_value * RBig::from(factor);
                if size(&value) > MAX_BITS {
                    return Err(Stop::Limit);
                }
                product.add(&Self::term(monomial, value), budget)?;
            }
        }
        Ok(product)
    }

    /// Multiplies every coefficient; the factor must not be zero.
    #[must_use]
    pub fn scaled(mut self, factor: &RBig) -> Self {
        for value in self.terms.values_mut() {
            *value *= factor;
        }
        self
    }

    /// The positive rational that divides every coefficient and leaves coprime integers. Zero has none.
    pub fn content(&self) -> Option<RBig> {
        let mut terms = self.terms.values();
        let first = terms.next()?;
        let mut numerator = magnitude(first.numerator());
        let mut denominator = first.denominator().clone();
        for value in terms {
            numerator = numerator.gcd(magnitude(value.numerator()));
            let common = (&denominator).gcd(value.denominator());
            denominator = denominator / common * value.denominator();
            if denominator.bit_len() > MAX_BITS {
                return None;
            }
        }
        Some(RBig::from_parts(IBig::from(numerator), denominator))
    }

    /// With the square roots whose radicand `flips` accepts taken negative.
    #[must_use]
    pub fn conjugated(&self, flips: impl Fn(&IBig) -> bool) -> Self {
        let flipped = |(monomial, value): (&Monomial, &RBig)| {
            let value = if flips(&monomial.radicand) { -value.clone() } else { value.clone() };
            (monomial.clone(), value)
        };
        Self { terms: self.terms.iter().map(flipped).collect() }
    }

    /// A name that equal polynomials share.
    pub fn name(&self) -> String {
        use std::fmt::Write;
        let mut name = String::new();
        for (monomial, value) in &self.terms {
            // Writing to a String cannot fail.
            let _ = write!(name, "+{value}*r{}", monomial.radicand);
            for (atom, exponent) in &monomial.powers {
                let _ = match atom {
                    Atom::Pi => write!(name, "*pi^{exponent}"),
                    Atom::E => write!(name, "*e^{exponent}"),
                    Atom::Symbol(symbol) => write!(name, "*'{symbol}'^{exponent}"),
                    Atom::Opaque { name: inner, .. } => write!(name, "*({inner})^{exponent}"),
                };
            }
        }
        name
    }
}

/// Bits of numerator and denominator together.
pub fn size(value: &RBig) -> usize {
    value.numerator().bit_len() + value.denominator().bit_len()
}

/// Work of reducing a fraction of this size.
fn cost(value: &RBig) -> u64 {
    let words = size(value) as u64 / 64;
    words * words
}

/// The absolute value.
pub fn magnitude(value: &IBig) -> UBig {
    value.clone().into_parts().1
}
