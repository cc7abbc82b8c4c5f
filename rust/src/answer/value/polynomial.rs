//! Sums of rational multiples of square roots, powers of named constants and variables: `3/2 sqrt(5) pi x^2`.
//!
//! Square roots of distinct squarefree integers, powers of one transcendental constant and powers of variables are linearly
//! independent over the rationals, so two such sums are equal exactly when their terms are. That makes "different" a proof,
//! except where an opaque term such as `sin(1)` takes part.

use crate::answer::limits::{Budget, MAX_BITS, MAX_TERMS, Stop};
use crate::answer::rational::{bits, collect_terms, product, sum};
use compact_str::CompactString;
use dashu_base::{Abs, BitTest, Gcd, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use smallvec::{SmallVec, smallvec};

/// Work of multiplying two terms of short coefficients.
const TERM_WORK: u64 = 1200;

/// What is not a rational or the square root of an integer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// The circle's constant.
    Pi,
    /// Euler's number.
    E,
    /// A variable.
    Symbol(CompactString),
    /// A value known only by its canonical name; equal names are equal values, different names prove nothing.
    Opaque {
        /// Function and canonical arguments.
        name: String,
        /// Known not to be zero, so it may be divided by.
        nonzero: bool,
    },
}

/// Atoms and their exponents.
pub type Powers = SmallVec<[(Atom, i32); 1]>;

/// `sqrt(radicand)` times powers of atoms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monomial {
    /// Squarefree and not zero; -1 stands for the imaginary unit.
    pub radicand: IBig,
    /// Sorted by atom, exponents not zero.
    pub powers: Powers,
}

impl Default for Monomial {
    fn default() -> Self {
        Self { radicand: IBig::ONE, powers: Powers::new() }
    }
}

impl Monomial {
    /// Neither root nor atom.
    fn is_one(&self) -> bool {
        self.powers.is_empty() && self.radicand.is_one()
    }

    /// The product, with the integer that leaves the root, if any: `sqrt(2) sqrt(6) = 2 sqrt(3)`, `i i = -1`.
    fn times(&self, other: &Self) -> Result<(Self, Option<IBig>), Stop> {
        let powers = merged(&self.powers, &other.powers)?;
        if self.radicand.is_one() || other.radicand.is_one() {
            let radicand = if self.radicand.is_one() { &other.radicand } else { &self.radicand };
            return Ok((Self { radicand: radicand.clone(), powers }, None));
        }
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
        Ok((Self { radicand, powers }, Some(factor)))
    }
}

/// Exponents added, of two lists in the order of their atoms.
fn merged(left: &[(Atom, i32)], right: &[(Atom, i32)]) -> Result<Powers, Stop> {
    if left.is_empty() || right.is_empty() {
        return Ok(if left.is_empty() { right.into() } else { left.into() });
    }
    let mut powers = Powers::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some((one, own)), Some((two, others))) = (left.peek(), right.peek()) {
        let order = one.cmp(two);
        if order.is_eq() {
            let exponent = own.checked_add(*others).ok_or(Stop::Limit)?;
            if exponent != 0 {
                powers.push((one.clone(), exponent));
            }
        }
        // Of equal atoms both are done.
        let (from_left, from_right) = (order.is_le(), order.is_ge());
        let next = [left.next_if(|_| from_left), right.next_if(|_| from_right)];
        if order.is_ne() {
            powers.extend(next.into_iter().flatten().cloned());
        }
    }
    powers.extend(left.chain(right).cloned());
    Ok(powers)
}

type Terms = SmallVec<[(Monomial, RBig); 1]>;

/// A finite sum of monomials, in their order; no coefficient is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polynomial {
    terms: Terms,
}

impl From<RBig> for Polynomial {
    fn from(value: RBig) -> Self {
        Self::term(Monomial::default(), value)
    }
}

impl Polynomial {
    /// One term.
    pub fn term(monomial: Monomial, coefficient: RBig) -> Self {
        Self { terms: if coefficient.is_zero() { Terms::new() } else { smallvec![(monomial, coefficient)] } }
    }

    /// An atom.
    pub fn atom(atom: Atom) -> Self {
        Self::term(Monomial { powers: smallvec![(atom, 1)], ..Monomial::default() }, RBig::ONE)
    }

    /// The square root of a squarefree integer.
    pub fn root(radicand: IBig) -> Self {
        Self::term(Monomial { radicand, ..Monomial::default() }, RBig::ONE)
    }

    /// Terms in the order of their monomials.
    pub fn terms(&self) -> impl ExactSizeIterator<Item = (&Monomial, &RBig)> {
        self.terms.iter().map(|(monomial, value)| (monomial, value))
    }

    /// No terms.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the value is rational.
    pub fn is_rational(&self) -> bool {
        self.terms.iter().all(|(monomial, _)| monomial.is_one())
    }

    /// The value, if it is rational.
    pub fn rational(&self) -> Option<RBig> {
        self.is_rational().then(|| self.terms.first().map_or(RBig::ZERO, |(_, value)| value.clone()))
    }

    /// Whether equal terms are the only way to be equal: no opaque atom, and at most one of pi and e.
    pub fn is_independent(&self) -> bool {
        let has = |wanted: fn(&Atom) -> bool| {
            self.terms.iter().any(|(monomial, _)| monomial.powers.iter().any(|(atom, _)| wanted(atom)))
        };
        let opaque = has(|atom| matches!(atom, Atom::Opaque { .. }));
        let both = has(|atom| *atom == Atom::Pi) && has(|atom| *atom == Atom::E);
        !opaque && !both
    }

    /// Whether no atom occurs at all.
    pub fn is_algebraic(&self) -> bool {
        self.terms.iter().all(|(monomial, _)| monomial.powers.is_empty())
    }

    /// The negative.
    #[must_use]
    pub fn negated(mut self) -> Self {
        for (_, value) in &mut self.terms {
            *value = -std::mem::take(value);
        }
        self
    }

    /// Adds in place.
    pub fn add(&mut self, other: &Self, budget: &mut Budget) -> Result<(), Stop> {
        for (monomial, value) in &other.terms {
            budget.spend(400 + cost(value))?;
            match self.terms.binary_search_by(|(own, _)| own.cmp(monomial)) {
                Ok(at) => {
                    let own = &mut self.terms[at].1;
                    budget.spend(cost(own))?;
                    *own = sum(own, value);
                    if bits(own) > MAX_BITS {
                        return Err(Stop::Limit);
                    }
                    if own.is_zero() {
                        self.terms.remove(at);
                    }
                }
                Err(at) => {
                    self.terms.insert(at, (monomial.clone(), value.clone()));
                    if self.terms.len() > MAX_TERMS {
                        return Err(Stop::Limit);
                    }
                }
            }
        }
        Ok(())
    }

    /// The product.
    pub fn times(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        match (self.terms.as_slice(), other.terms.as_slice()) {
            ([(monomial, factor)], _) if monomial.is_one() => {
                return other.clone().times_number(factor, budget);
            }
            (_, [(monomial, factor)]) if monomial.is_one() => {
                return self.clone().times_number(factor, budget);
            }
            _ => {}
        }
        let mut terms = Terms::with_capacity(self.terms.len() * other.terms.len());
        for (left, left_value) in &self.terms {
            for (right, right_value) in &other.terms {
                budget.spend(TERM_WORK + cost(left_value) + cost(right_value))?;
                let (monomial, factor) = left.times(right)?;
                let mut value = product(left_value, right_value);
                if let Some(factor) = factor {
                    value = product(&value, &RBig::from(factor));
                }
                if bits(&value) > MAX_BITS {
                    return Err(Stop::Limit);
                }
                terms.push((monomial, value));
            }
        }
        if terms.len() > 1 {
            let mut several = terms.into_vec();
            collect_terms(&mut several);
            terms = several.into();
        }
        let fits = terms.len() <= MAX_TERMS && terms.iter().all(|(_, value)| bits(value) <= MAX_BITS);
        if fits { Ok(Self { terms }) } else { Err(Stop::Limit) }
    }

    fn times_number(mut self, factor: &RBig, budget: &mut Budget) -> Result<Self, Stop> {
        if factor.is_one() {
            return Ok(self);
        }
        for (_, value) in &mut self.terms {
            budget.spend(200 + cost(value) + cost(factor))?;
            *value = product(value, factor);
            if bits(value) > MAX_BITS {
                return Err(Stop::Limit);
            }
        }
        Ok(self)
    }

    /// At least what a power costs: of a sum in variables it has a zero of that multiplicity, and so more terms (Hajós, 1953).
    pub fn work_of_power(&self, exponent: u64) -> u64 {
        let several = self.terms.windows(2).any(|pair| pair[0].0.powers != pair[1].0.powers);
        let half = if several && self.is_independent() { exponent / 2 } else { 0 };
        half.saturating_mul(half).saturating_mul(TERM_WORK)
    }

    /// Multiplies every coefficient; the factor must not be zero.
    #[must_use]
    pub fn scaled(mut self, factor: &RBig) -> Self {
        for (_, value) in &mut self.terms {
            *value = product(value, factor);
        }
        self
    }

    /// The positive rational that divides every coefficient and leaves coprime integers. Zero has none.
    pub fn content(&self) -> Option<RBig> {
        let mut terms = self.terms.iter().map(|(_, value)| value);
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
        let flipped = |(monomial, value): &(Monomial, RBig)| {
            let value = if flips(&monomial.radicand) { -value.clone() } else { value.clone() };
            (monomial.clone(), value)
        };
        Self { terms: self.terms.iter().map(flipped).collect() }
    }

    /// A name that equal polynomials share.
    pub fn name(&self) -> String {
        let mut name = String::with_capacity(16 * self.terms.len());
        for (monomial, value) in &self.terms {
            name.push('+');
            push_integer(&mut name, value.numerator());
            if !value.is_int() {
                name.push('/');
                push_integer(&mut name, &value.denominator().clone().into());
            }
            name.push_str("*r");
            push_integer(&mut name, &monomial.radicand);
            for (atom, exponent) in &monomial.powers {
                match atom {
                    Atom::Pi => name.push_str("*pi^"),
                    Atom::E => name.push_str("*e^"),
                    Atom::Symbol(symbol) => name.extend(["*'", symbol, "'^"]),
                    Atom::Opaque { name: inner, .. } => name.extend(["*(", inner, ")^"]),
                }
                push_integer(&mut name, &(*exponent).into());
            }
        }
        name
    }
}

/// Appends an integer; most have one digit.
fn push_integer(name: &mut String, value: &IBig) {
    use std::fmt::Write;
    match u8::try_from(value) {
        Ok(digit @ 0..=9) => name.push(char::from(b'0' + digit)),
        // Writing to a String cannot fail.
        _ => drop(write!(name, "{value}")),
    }
}

/// Work of reducing a fraction of this size.
fn cost(value: &RBig) -> u64 {
    let words = bits(value) as u64 / 64;
    words * words
}

/// The absolute value.
pub fn magnitude(value: &IBig) -> UBig {
    value.clone().into_parts().1
}
