//! From a parsed tree to a term: numbers, arithmetic, powers and roots.

use super::decide::sign;
use super::factor::prime_powers;
use super::graph::{Graph, Id, Term};
use crate::answer::compare::{LogBase, Policy};
use crate::answer::limits::{Budget, MAX_NUMBER_BITS, Stop};
use crate::answer::rational::{bits, fraction};
use crate::answer::tree::{Constant, Node};
use dashu_base::{Abs, BitTest, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Degrees of roots and denominators of exponents that are reduced.
const MAX_DEGREE: u32 = 64;

/// Builds terms in one graph, so that several trees share what they have in common.
pub struct Builder<'a> {
    /// Where the terms are.
    pub graph: &'a mut Graph,
    /// What the work counts against.
    pub budget: &'a mut Budget,
    pub(super) policy: Policy,
    /// Index variables of sums, innermost last.
    pub(super) bound: Vec<(String, Id)>,
}

impl<'a> Builder<'a> {
    /// A builder with nothing bound.
    pub fn new(graph: &'a mut Graph, policy: Policy, budget: &'a mut Budget) -> Self {
        Self { graph, budget, policy, bound: Vec::new() }
    }

    /// Lets a variable stand for a term.
    pub fn bind(&mut self, name: &str, value: Id) {
        self.bound.push((name.to_owned(), value));
    }

    /// The term of a tree without units, lists or relations.
    pub fn build(&mut self, node: &Node) -> Result<Id, Stop> {
        self.budget.spend(100)?;
        let id = self.built(node)?;
        let words: u64 = match self.graph.term(id) {
            Term::Rational(value) => words(value),
            Term::Sum(rest, terms) => {
                words(rest) + terms.iter().map(|(_, factor)| words(factor)).sum::<u64>()
            }
            _ => 0,
        };
        // Long numbers come of products.
        self.budget.spend(words * words / 2)?;
        Ok(id)
    }

    fn built(&mut self, node: &Node) -> Result<Id, Stop> {
        match node {
            Node::Number(literal) => self.graph.rational(literal.rational()?),
            Node::Symbol(name) => self.symbol(name),
            Node::Constant(constant) => self.constant(*constant),
            Node::Negative(inner) => {
                let inner = self.build(inner)?;
                self.graph.scaled(inner, &RBig::NEG_ONE)
            }
            Node::Sum(terms) => {
                let parts = terms.iter().map(|term| Ok((self.build(term)?, RBig::ONE)));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                self.graph.sum(&parts)
            }
            Node::Product(factors) => {
                let factors =
                    factors.iter().map(|factor| self.build(factor)).collect::<Result<Vec<_>, _>>()?;
                self.graph.product_of(&factors)
            }
            Node::Quotient(top, bottom) => {
                let (top, bottom) = (self.build(top)?, self.build(bottom)?);
                self.divided(top, bottom)
            }
            Node::Power(base, exponent) => {
                let (base, exponent) = (self.build(base)?, self.build(exponent)?);
                self.power(base, exponent)
            }
            Node::Root(radicand, degree) => {
                let (radicand, degree) = (self.build(radicand)?, self.build(degree)?);
                let inverse = self.graph.as_rational(degree).filter(|degree| !degree.is_zero()).cloned();
                if let Some(degree) = inverse {
                    self.rational_power(radicand, &(RBig::ONE / degree))
                } else {
                    let inverse = self.graph.power(degree, -1)?;
                    self.power(radicand, inverse)
                }
            }
            Node::Percent(inner) => {
                let inner = self.build(inner)?;
                self.graph.scaled(inner, &RBig::from_parts(IBig::ONE, UBig::from(100u8)))
            }
            Node::Measured(inner, unit) if unit.measures("angle") => {
                let (inner, pi) = (self.build(inner)?, self.graph.intern(Term::Pi)?);
                let angle = self.graph.times(inner, pi)?;
                let (top, bottom) = unit.factor;
                let factor = RBig::from_parts(IBig::from(top), UBig::from(bottom * 180));
                self.graph.scaled(angle, &factor)
            }
            Node::Measured(inner, unit) if unit.measures("radian") => self.build(inner),
            Node::Call(name, arguments) => self.call(name, arguments),
            Node::Text(_)
            | Node::PlusMinus(..)
            | Node::Measured(..)
            | Node::Bracketed(..)
            | Node::List(_)
            | Node::Chain(..) => Err(Stop::Beyond),
        }
    }

    fn constant(&mut self, constant: Constant) -> Result<Id, Stop> {
        match constant {
            Constant::Pi => self.graph.intern(Term::Pi),
            Constant::E => {
                let one = self.graph.integer(1)?;
                self.graph.intern(Term::Exp { of: one, share: 1 })
            }
            Constant::I if self.policy.imaginary_i => self.imaginary_unit(),
            Constant::I => self.symbol("i"),
            Constant::Infinity => Err(Stop::Undefined),
        }
    }

    pub(super) fn imaginary_unit(&mut self) -> Result<Id, Stop> {
        self.graph.unity(&fraction(1, 4))
    }

    fn symbol(&mut self, name: &str) -> Result<Id, Stop> {
        if let Some((_, id)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return Ok(*id);
        }
        self.graph.intern(Term::Symbol(name.into()))
    }

    /// A quotient; a constant divisor that is zero makes it undefined.
    pub(super) fn divided(&mut self, top: Id, bottom: Id) -> Result<Id, Stop> {
        if self.graph.as_rational(bottom).is_none()
            && matches!(self.graph.term(bottom), Term::Sum(..))
            && self.graph.is_constant(bottom)
            && super::decide::is_zero(self.graph, bottom, self.budget)?
        {
            return Err(Stop::Undefined);
        }
        self.graph.over(top, bottom)
    }

    /// Any power.
    pub(super) fn power(&mut self, base: Id, exponent: Id) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(exponent).cloned() {
            return self.rational_power(base, &value);
        }
        let exponent = self.graph.expanded(exponent)?;
        match self.graph.as_rational(base).cloned() {
            Some(value) if value.is_zero() => return Err(Stop::Undefined),
            Some(value) if value == RBig::ONE => return Ok(base),
            Some(value) if value.numerator().is_negative() => {
                let sign = self.sign_power(exponent)?;
                let size = self.graph.rational(-value)?;
                let size = self.power(size, exponent)?;
                return self.graph.times(sign, size);
            }
            _ => {}
        }
        let log = self.ln(base)?;
        let product = self.graph.times(exponent, log)?;
        self.exp(product)
    }

    /// `(-1)^n`, where the exponent is made of whole multiples of variables.
    fn sign_power(&mut self, exponent: Id) -> Result<Id, Stop> {
        let (rest, terms) = match self.graph.term(exponent).clone() {
            Term::Sum(rest, terms) => (rest, terms),
            _ => (RBig::ZERO, vec![(exponent, RBig::ONE)]),
        };
        if !rest.is_int() || terms.iter().any(|(_, factor)| !factor.is_int()) {
            return Err(Stop::Beyond);
        }
        let odd = |value: &RBig| !(value.numerator() % IBig::from(2)).is_zero();
        let mut factors = Vec::new();
        for (id, factor) in &terms {
            for inner in self.graph.reachable(&[*id]) {
                match self.graph.term(inner) {
                    Term::Symbol(_) => self.graph.integers.insert(inner),
                    Term::Product(powers) if powers.iter().all(|(_, power)| *power > 0) => false,
                    _ => return Err(Stop::Beyond),
                };
            }
            if odd(factor) {
                factors.push((self.graph.intern(Term::Sign(*id))?, 1));
            }
        }
        self.graph.product(if odd(&rest) { RBig::NEG_ONE } else { RBig::ONE }, factors)
    }

    /// A power with a rational exponent; roots are real for odd degrees of real values, else principal.
    pub(super) fn rational_power(&mut self, base: Id, exponent: &RBig) -> Result<Id, Stop> {
        let top = i64::try_from(exponent.numerator()).map_err(|_| Stop::Limit);
        if exponent.is_int() {
            if let Some(value) = self.graph.as_rational(base).cloned() {
                return self.integer_power_of_rational(&value, exponent.numerator());
            }
            if top? < 0 && self.graph.is_constant(base) {
                let one = self.graph.integer(1)?;
                let inverse = self.divided(one, base)?;
                return self.graph.power(inverse, -top?);
            }
            return self.graph.power(base, top?);
        }
        let degree = u32::try_from(exponent.denominator()).map_err(|_| Stop::Limit)?;
        if degree > MAX_DEGREE {
            return Err(Stop::Limit);
        }
        // A square root of a square is an absolute value: the root comes first only where both orders agree.
        let root = self.root(base, degree)?;
        self.graph.power(root, top?)
    }

    fn integer_power_of_rational(&mut self, value: &RBig, exponent: &IBig) -> Result<Id, Stop> {
        let size = value.numerator().bit_len().max(value.denominator().bit_len());
        let small = i64::try_from(exponent).ok().filter(|exponent| {
            size <= 1 || size.saturating_mul(exponent.unsigned_abs() as usize) <= MAX_NUMBER_BITS / 4
        });
        if value.is_zero() && !exponent.is_positive() {
            return Err(Stop::Undefined);
        }
        if value.is_zero() {
            return self.graph.rational(RBig::ZERO);
        }
        if let Some(exponent) = small {
            let power = super::reduce::power_of(value, exponent)?;
            return self.graph.rational(power);
        }
        let exponent = i64::try_from(exponent).map_err(|_| Stop::Limit)?;
        let negative = value.numerator().is_negative() && exponent % 2 != 0;
        let mut factors = Vec::new();
        for (prime, own) in prime_powers(&value.clone().abs(), self.budget)? {
            let log = self.ln_of_prime(&prime)?;
            let base = self.graph.intern(Term::Exp { of: log, share: 1 })?;
            factors.push((base, own.checked_mul(exponent).ok_or(Stop::Limit)?));
        }
        self.graph.product(if negative { RBig::NEG_ONE } else { RBig::ONE }, factors)
    }

    /// A root of degree 2 or more.
    pub(super) fn root(&mut self, radicand: Id, degree: u32) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(radicand).cloned() {
            return self.root_of_rational(&value, degree);
        }
        if self.graph.is_constant(radicand) && self.graph.is_real(radicand) {
            match sign(self.graph, radicand, self.budget)? {
                Some(0) => return self.graph.rational(RBig::ZERO),
                Some(-1) => {
                    let size = self.graph.scaled(radicand, &RBig::NEG_ONE)?;
                    let size = self.root(size, degree)?;
                    if degree % 2 == 1 {
                        return self.graph.scaled(size, &RBig::NEG_ONE);
                    }
                    let turn = self.graph.unity(&fraction(1, 2 * i64::from(degree)))?;
                    return self.graph.times(turn, size);
                }
                _ => {}
            }
        }
        let (content, primitive) = self.content(radicand)?;
        let outside = self.root_of_rational(&content, degree)?;
        let inside = self.root_of_factors(primitive, degree)?;
        self.graph.times(outside, inside)
    }

    /// Factors whose root is known on their own come out.
    fn root_of_factors(&mut self, radicand: Id, degree: u32) -> Result<Id, Stop> {
        let (coefficient, factors) = self.graph.factors(radicand);
        let one = self.graph.integer(1)?;
        let (mut outside, mut inside) = (one, Vec::new());
        for (id, exponent) in factors {
            let real = self.graph.is_real(id);
            let nonnegative = self.graph.is_nonnegative(id)
                || self.graph.is_constant(id) && real && sign(self.graph, id, self.budget)? == Some(1);
            let whole = exponent % i64::from(degree) == 0;
            let part = if nonnegative {
                self.root_of_nonnegative(id, exponent, degree)?
            } else if real && degree % 2 == 1 && matches!(self.graph.term(id), Term::Symbol(_)) {
                // The real root of a product is that of its factors.
                self.plain_root(id, &fraction(exponent, i64::from(degree)))?
            } else if real && whole {
                let size = if degree.is_multiple_of(2) { self.abs(id)? } else { id };
                self.graph.power(size, exponent / i64::from(degree))?
            } else {
                inside.push((id, exponent));
                continue;
            };
            outside = self.graph.times(outside, part)?;
        }
        let inside = self.graph.product(coefficient, inside)?;
        if let Some(value) = self.graph.as_rational(inside).cloned() {
            let root = self.root_of_rational(&value, degree)?;
            return self.graph.times(outside, root);
        }
        let root = self.graph.intern(Term::Root(inside, degree))?;
        self.graph.times(outside, root)
    }

    fn root_of_nonnegative(&mut self, id: Id, exponent: i64, degree: u32) -> Result<Id, Stop> {
        let share = fraction(exponent, i64::from(degree));
        match *self.graph.term(id) {
            Term::Exp { of, share: own } => self.exp_of_term(of, &(share / RBig::from(own))),
            Term::Root(of, own) => match own.checked_mul(degree).filter(|degree| *degree <= MAX_DEGREE) {
                Some(joint) if self.graph.is_nonnegative(of) || self.graph.is_constant(of) => {
                    let root = self.graph.intern(Term::Root(of, joint))?;
                    self.graph.power(root, exponent)
                }
                _ => self.plain_root(id, &share),
            },
            _ => self.plain_root(id, &share),
        }
    }

    fn plain_root(&mut self, id: Id, share: &RBig) -> Result<Id, Stop> {
        let top = i64::try_from(share.numerator()).map_err(|_| Stop::Limit)?;
        if share.is_int() {
            return self.graph.power(id, top);
        }
        let degree = u32::try_from(share.denominator()).map_err(|_| Stop::Limit)?;
        let root = self.graph.intern(Term::Root(id, degree))?;
        self.graph.power(root, top)
    }

    fn root_of_rational(&mut self, value: &RBig, degree: u32) -> Result<Id, Stop> {
        if value.is_zero() {
            return self.graph.rational(RBig::ZERO);
        }
        let mut factors = Vec::new();
        let mut coefficient = RBig::ONE;
        if value.numerator().is_negative() {
            if degree % 2 == 1 {
                coefficient = RBig::NEG_ONE;
            } else {
                let turn = self.graph.unity(&fraction(1, 2 * i64::from(degree)))?;
                factors.push((turn, 1));
            }
        }
        let powers = prime_powers(&value.clone().abs(), self.budget)?;
        for (prime, exponent) in powers {
            let share = fraction(exponent, i64::from(degree));
            let degree = u32::try_from(share.denominator()).map_err(|_| Stop::Limit)?;
            let top = i64::try_from(share.numerator()).map_err(|_| Stop::Limit)?;
            let prime = self.graph.rational(RBig::from(prime))?;
            let base = if degree == 1 { prime } else { self.graph.intern(Term::Root(prime, degree))? };
            if let Some(value) = self.graph.as_rational(base).cloned() {
                coefficient *= super::reduce::power_of(&value, top)?;
            } else {
                factors.push((base, top));
            }
        }
        self.graph.product(coefficient, factors)
    }

    /// The positive rational content of a sum and the rest; 1 for anything else but a multiple.
    pub(super) fn content(&mut self, id: Id) -> Result<(RBig, Id), Stop> {
        let (content, primitive) = self.graph.signed_content(id)?;
        if content.numerator().is_negative() {
            return Ok((-content, self.graph.scaled(primitive, &RBig::NEG_ONE)?));
        }
        Ok((content, primitive))
    }

    /// The absolute value.
    pub(super) fn abs(&mut self, id: Id) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(id).cloned() {
            return self.graph.rational(value.abs());
        }
        if !self.graph.is_real(id) {
            let conjugate = self.conjugate(id)?;
            let square = self.graph.times(id, conjugate)?;
            let square = self.graph.expanded(square)?;
            self.graph.force_real(square);
            return self.root(square, 2);
        }
        if self.graph.is_nonnegative(id) {
            return Ok(id);
        }
        if self.graph.is_constant(id) {
            return match sign(self.graph, id, self.budget)? {
                Some(-1) => self.graph.scaled(id, &RBig::NEG_ONE),
                Some(_) => Ok(id),
                None => Err(Stop::Beyond),
            };
        }
        let (content, primitive) = self.content(id)?;
        let (factor, factors) = self.graph.factors(primitive);
        let mut parts = Vec::new();
        for (id, exponent) in factors {
            let part = if self.graph.is_nonnegative(id) { id } else { self.graph.intern(Term::Abs(id))? };
            // An even power of a real value needs no bars.
            parts.push((if exponent % 2 == 0 { id } else { part }, exponent));
        }
        self.graph.product(content * factor.abs(), parts)
    }

    /// The complex conjugate, with real variables.
    pub(super) fn conjugate(&mut self, id: Id) -> Result<Id, Stop> {
        if self.graph.is_real(id) {
            return Ok(id);
        }
        match self.graph.term(id).clone() {
            Term::Unity(turns) => self.graph.unity(&-turns),
            Term::Exp { of, share } => {
                let of = self.conjugate(of)?;
                self.exp_of_multiple(of, &fraction(1, i64::from(share)))
            }
            Term::Sum(rest, terms) => {
                let mut parts = vec![(self.graph.integer(1)?, rest)];
                for (id, factor) in terms {
                    parts.push((self.conjugate(id)?, factor));
                }
                self.graph.sum(&parts)
            }
            Term::Product(factors) => {
                let one = self.graph.integer(1)?;
                factors.into_iter().try_fold(one, |product, (id, exponent)| {
                    let conjugate = self.conjugate(id)?;
                    let power = self.graph.power(conjugate, exponent)?;
                    self.graph.times(product, power)
                })
            }
            // Off the cut, which a value that is not real may still touch.
            Term::Root(of, degree) if self.graph.is_constant(of) => {
                let of = self.conjugate(of)?;
                self.root(of, degree)
            }
            _ => Err(Stop::Beyond),
        }
    }

    /// Whether `\log` without a base is the decimal one.
    pub(super) fn decimal_logs(&self) -> bool {
        self.policy.log_base == LogBase::Ten
    }
}

/// Words of numerator and denominator together, 0 for short ones.
fn words(value: &RBig) -> u64 {
    bits(value) as u64 / 64
}
