//! Expressions as shared terms in one canonical order: equal terms have equal ids.
//!
//! A sum is a rational combination of terms, a product has integer exponents, and every root, exponential and root of
//! unity is reduced as far as its own rules go. What differs in id may still be the same value: see [`super::decide`].

use super::reduce::{Factors, folded_turns, power_of};
pub use super::term::{Id, Term};
use crate::answer::limits::{MAX_GRAPH_TERMS, MAX_NUMBER_BITS, MAX_SUM_TERMS, Stop};
use crate::answer::rational::{bits, collect_terms, product, sum};
use dashu_base::Signed;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};
use std::hash::BuildHasher;

/// Terms that there is room for from the start: most graphs stay smaller.
const FIRST_TERMS: usize = 28;

/// Shared terms and what is known about them.
#[derive(Debug)]
pub struct Graph {
    terms: Vec<Term>,
    /// Ids by the hashes of their terms.
    index: HashTable<Id>,
    hasher: DefaultHashBuilder,
    real: Vec<bool>,
    /// Without variables.
    constant: Vec<bool>,
    /// What ids are when multiplied out, as far as that was asked.
    multiplied_out: HashMap<Id, Id>,
    /// Terms whose value is real although their parts are not, such as a cosine made of exponentials.
    pub forced_real: HashSet<Id>,
    /// What must be positive where the expression is defined.
    pub positive: Vec<Id>,
    /// Symbols that stand for integers.
    pub integers: HashSet<Id>,
    /// Symbols that stand for integers that are not negative.
    pub counts: HashSet<Id>,
    /// Terms that stand in a denominator.
    pub divisors: Vec<Id>,
    /// Sine and cosine of arctangents that were arcsines.
    pub directions: HashMap<Id, (Id, Id)>,
    /// Base and distance of the first factorial of every family.
    pub factorials: Vec<(Id, IBig)>,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            terms: Vec::with_capacity(FIRST_TERMS),
            index: HashTable::with_capacity(FIRST_TERMS),
            hasher: DefaultHashBuilder::default(),
            real: Vec::with_capacity(FIRST_TERMS),
            constant: Vec::with_capacity(FIRST_TERMS),
            multiplied_out: HashMap::new(),
            forced_real: HashSet::new(),
            positive: Vec::new(),
            integers: HashSet::new(),
            counts: HashSet::new(),
            divisors: Vec::new(),
            directions: HashMap::new(),
            factorials: Vec::new(),
        }
    }
}

impl Graph {
    /// The term behind an id.
    pub fn term(&self, id: Id) -> &Term {
        &self.terms[id as usize]
    }

    /// The id of a term that is there.
    pub fn find(&self, term: &Term) -> Option<Id> {
        self.index.find(self.hasher.hash_one(term), |id| self.terms[*id as usize] == *term).copied()
    }

    /// Number of terms.
    pub fn size(&self) -> usize {
        self.terms.len()
    }

    /// The id of a term in canonical form.
    pub fn intern(&mut self, term: Term) -> Result<Id, Stop> {
        let (terms, hasher) = (&self.terms, &self.hasher);
        let free = match self.index.entry(
            hasher.hash_one(&term),
            |id| terms[*id as usize] == term,
            |id| hasher.hash_one(&terms[*id as usize]),
        ) {
            Entry::Occupied(known) => return Ok(*known.get()),
            Entry::Vacant(free) => free,
        };
        if terms.len() >= MAX_GRAPH_TERMS {
            return Err(Stop::Limit);
        }
        if let Term::Rational(value) = &term
            && bits(value) > MAX_NUMBER_BITS
        {
            return Err(Stop::Limit);
        }
        let id = terms.len() as Id;
        free.insert(id);
        let mut constant = match &term {
            Term::Symbol(_) => false,
            Term::Call(name, _) => name.starts_with('#'),
            _ => true,
        };
        self.real.push(self.looks_real(&term));
        self.terms.push(term);
        self.for_children(id, |child| constant &= self.constant[child as usize]);
        self.constant.push(constant);
        Ok(id)
    }

    /// Whether a value is real wherever it is defined, with real variables.
    pub fn is_real(&self, id: Id) -> bool {
        self.real[id as usize]
    }

    /// Notes that a value is real although its parts are not.
    pub fn force_real(&mut self, id: Id) {
        if !self.real[id as usize] {
            self.real[id as usize] = true;
            self.forced_real.insert(id);
        }
    }

    fn looks_real(&self, term: &Term) -> bool {
        match term {
            Term::Unity(_) => false,
            Term::Exp { of, .. } | Term::Atan(of) | Term::Root(of, _) => self.is_real(*of),
            Term::Call(_, arguments) => arguments.iter().all(|id| self.is_real(*id)),
            Term::Sum(_, terms) => terms.iter().all(|(id, _)| self.is_real(*id)),
            Term::Product(factors) => factors.iter().all(|(id, _)| self.is_real(*id)),
            _ => true,
        }
    }

    /// Whether a real value is never negative, by its form.
    pub fn is_nonnegative(&self, id: Id) -> bool {
        match self.term(id) {
            Term::Rational(value) => !value.numerator().is_negative(),
            Term::Pi | Term::Abs(_) => true,
            Term::Symbol(_) => self.counts.contains(&id),
            Term::Exp { of, .. } => self.is_real(*of),
            Term::Root(of, degree) => degree % 2 == 0 && self.is_real(*of) || self.is_nonnegative(*of),
            Term::Product(factors) => factors
                .iter()
                .all(|(id, exponent)| self.is_nonnegative(*id) || (exponent % 2 == 0 && self.is_real(*id))),
            Term::Sum(rest, terms) => {
                !rest.numerator().is_negative()
                    && terms
                        .iter()
                        .all(|(id, factor)| !factor.numerator().is_negative() && self.is_nonnegative(*id))
            }
            _ => false,
        }
    }

    /// A rational.
    pub fn rational(&mut self, value: RBig) -> Result<Id, Stop> {
        self.intern(Term::Rational(value))
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) -> Result<Id, Stop> {
        self.rational(RBig::from(value))
    }

    /// The value of a rational term.
    pub fn as_rational(&self, id: Id) -> Option<&RBig> {
        match self.term(id) {
            Term::Rational(value) => Some(value),
            _ => None,
        }
    }

    /// `e^{2 pi i q}`.
    pub fn unity(&mut self, turns: &RBig) -> Result<Id, Stop> {
        let (negative, turns) = folded_turns(turns);
        let sign = RBig::from(if negative { -1 } else { 1 });
        if turns.is_zero() {
            return self.rational(sign);
        }
        let id = self.intern(Term::Unity(turns))?;
        self.scaled(id, &sign)
    }

    /// A sum of terms with factors.
    pub fn sum(&mut self, parts: &[(Id, RBig)]) -> Result<Id, Stop> {
        let mut rest = RBig::ZERO;
        let mut terms: Vec<(Id, RBig)> = Vec::with_capacity(parts.len());
        for (id, factor) in parts {
            match self.term(*id) {
                Term::Rational(value) => rest = sum(&rest, &product(value, factor)),
                Term::Sum(inner, parts) => {
                    rest = sum(&rest, &product(inner, factor));
                    terms.extend(parts.iter().map(|(id, own)| (*id, product(own, factor))));
                }
                _ => terms.push((*id, factor.clone())),
            }
        }
        collect_terms(&mut terms);
        if terms.len() > MAX_SUM_TERMS {
            return Err(Stop::Limit);
        }
        match terms.as_slice() {
            [] => return self.rational(rest),
            [(id, factor)] if rest.is_zero() && factor.is_one() => return Ok(*id),
            _ => {}
        }
        let real = parts.iter().all(|(id, _)| self.is_real(*id));
        let sum = self.intern(Term::Sum(rest, terms))?;
        if real {
            self.force_real(sum);
        }
        Ok(sum)
    }

    /// `left + right`.
    pub fn plus(&mut self, left: Id, right: Id) -> Result<Id, Stop> {
        self.sum(&[(left, RBig::ONE), (right, RBig::ONE)])
    }

    /// `left - right`.
    pub fn minus(&mut self, left: Id, right: Id) -> Result<Id, Stop> {
        self.sum(&[(left, RBig::ONE), (right, RBig::NEG_ONE)])
    }

    /// A rational multiple.
    pub fn scaled(&mut self, id: Id, factor: &RBig) -> Result<Id, Stop> {
        if factor.is_one() {
            return Ok(id);
        }
        self.sum(&[(id, factor.clone())])
    }

    /// The rational factor and the other factors of a term.
    pub fn factors(&self, id: Id) -> (RBig, Vec<(Id, i64)>) {
        match self.term(id) {
            Term::Rational(value) => (value.clone(), Vec::new()),
            Term::Product(factors) => (RBig::ONE, factors.clone()),
            Term::Sum(rest, terms) if rest.is_zero() && terms.len() == 1 => {
                (terms[0].1.clone(), self.factors(terms[0].0).1)
            }
            _ => (RBig::ONE, vec![(id, 1)]),
        }
    }

    /// `left * right`.
    pub fn times(&mut self, left: Id, right: Id) -> Result<Id, Stop> {
        for (one, other) in [(left, right), (right, left)] {
            if let Some(factor) = self.as_rational(one) {
                let factor = factor.clone();
                return self.scaled(other, &factor);
            }
        }
        let (left_factor, left) = self.factors(left);
        let (right_factor, right) = self.factors(right);
        self.product(product(&left_factor, &right_factor), left.into_iter().chain(right))
    }

    /// The product of all. One by one, each would have all of those before it reduced again.
    pub fn product_of(&mut self, ids: &[Id]) -> Result<Id, Stop> {
        let (mut coefficient, mut powers) = (RBig::ONE, Vec::new());
        for id in ids {
            let (factor, own) = self.factors(*id);
            coefficient = product(&coefficient, &factor);
            if bits(&coefficient) > MAX_NUMBER_BITS {
                return Err(Stop::Limit);
            }
            powers.extend(own);
        }
        self.product(coefficient, powers)
    }

    /// A rational times powers.
    pub fn product(&mut self, factor: RBig, powers: impl IntoIterator<Item = (Id, i64)>) -> Result<Id, Stop> {
        let mut factors = Factors::default();
        let mut real = true;
        for (id, exponent) in powers {
            real &= self.is_real(id);
            factors.multiply(id, exponent)?;
        }
        let mut coefficient = factor;
        self.reduce_sums(&mut factors, &mut coefficient)?;
        self.join_roots(&mut factors)?;
        self.reduce_unities(&mut factors, &mut coefficient)?;
        self.reduce_roots(&mut factors, &mut coefficient)?;
        let factors = factors.into_vec();
        if coefficient.is_zero() || factors.is_empty() {
            return self.rational(coefficient);
        }
        let id = match factors.as_slice() {
            [(id, 1)] => *id,
            _ => self.intern(Term::Product(factors))?,
        };
        if real {
            self.force_real(id);
        }
        self.scaled(id, &coefficient)
    }

    /// An integer power; a negative one of zero is undefined.
    pub fn power(&mut self, base: Id, exponent: i64) -> Result<Id, Stop> {
        if exponent < 0 {
            if self.as_rational(base).is_some_and(RBig::is_zero) {
                return Err(Stop::Undefined);
            }
            self.divisors.push(base);
        }
        if exponent == 0 {
            return if self.as_rational(base).is_some_and(RBig::is_zero) {
                Err(Stop::Undefined)
            } else {
                self.integer(1)
            };
        }
        let (factor, factors) = self.factors(base);
        let powers: Option<Vec<_>> =
            factors.into_iter().map(|(id, own)| Some((id, own.checked_mul(exponent)?))).collect();
        let factor = power_of(&factor, exponent)?;
        self.product(factor, powers.ok_or(Stop::Limit)?)
    }

    /// `left / right`.
    pub fn over(&mut self, left: Id, right: Id) -> Result<Id, Stop> {
        let inverse = self.power(right, -1)?;
        self.times(left, inverse)
    }

    /// Products of sums multiplied out, as far as the limits allow.
    pub fn expanded(&mut self, id: Id) -> Result<Id, Stop> {
        if let Some(known) = self.multiplied_out.get(&id) {
            return Ok(*known);
        }
        if !self.holds_products_of_sums(id) {
            return Ok(id);
        }
        let expanded = self.multiplied(id)?;
        if self.is_real(id) {
            self.force_real(expanded);
        }
        self.multiplied_out.insert(id, expanded);
        Ok(expanded)
    }

    /// Whether there is anything to multiply out.
    fn holds_products_of_sums(&self, id: Id) -> bool {
        match self.term(id) {
            Term::Sum(_, terms) => terms.iter().any(|(id, _)| self.holds_products_of_sums(*id)),
            Term::Product(factors) => factors.iter().any(|(id, exponent)| {
                *exponent > 0 && matches!(self.term(*id), Term::Sum(..) | Term::Product(_))
            }),
            _ => false,
        }
    }

    fn multiplied(&mut self, id: Id) -> Result<Id, Stop> {
        match self.term(id).clone() {
            Term::Sum(rest, terms) => {
                let one = self.integer(1)?;
                let mut parts = vec![(one, rest)];
                for (id, factor) in terms {
                    parts.push((self.expanded(id)?, factor));
                }
                self.sum(&parts)
            }
            Term::Product(factors) => {
                let mut product = self.integer(1)?;
                for (id, exponent) in factors {
                    if (1..=12).contains(&exponent) && matches!(self.term(id), Term::Sum(..)) {
                        let inner = self.expanded(id)?;
                        for _ in 0..exponent {
                            product = self.distributed(product, inner)?;
                        }
                    } else {
                        let power = self.product(RBig::ONE, [(id, exponent)])?;
                        product = self.distributed(product, power)?;
                    }
                }
                Ok(product)
            }
            _ => Ok(id),
        }
    }

    fn parts(&mut self, id: Id) -> Result<Vec<(Id, RBig)>, Stop> {
        Ok(match self.term(id).clone() {
            Term::Sum(rest, terms) => {
                let one = self.integer(1)?;
                terms.into_iter().chain((!rest.is_zero()).then_some((one, rest))).collect()
            }
            _ => vec![(id, RBig::ONE)],
        })
    }

    fn distributed(&mut self, left: Id, right: Id) -> Result<Id, Stop> {
        let (left, right) = (self.parts(left)?, self.parts(right)?);
        if left.len() * right.len() > MAX_SUM_TERMS {
            return Err(Stop::Limit);
        }
        let mut parts = Vec::with_capacity(left.len() * right.len());
        for (left, left_factor) in &left {
            for (right, right_factor) in &right {
                parts.push((self.times(*left, *right)?, product(left_factor, right_factor)));
            }
        }
        self.sum(&parts)
    }

    /// Every term that a value is made of, itself included, in increasing order.
    pub fn reachable(&self, roots: &[Id]) -> Vec<Id> {
        let mut seen = vec![false; self.terms.len()];
        let mut open = roots.to_vec();
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id as usize], true) {
                self.for_children(id, |child| open.push(child));
            }
        }
        (0..self.terms.len() as Id).filter(|id| seen[*id as usize]).collect()
    }

    /// Calls `see` with every direct part.
    pub fn for_children(&self, id: Id, mut see: impl FnMut(Id)) {
        match self.term(id) {
            Term::Rational(_) | Term::Unity(_) | Term::Pi | Term::Symbol(_) => {}
            Term::Exp { of, .. }
            | Term::Sign(of)
            | Term::Ln(of)
            | Term::Factorial(of)
            | Term::Atan(of)
            | Term::Root(of, _)
            | Term::Abs(of)
            | Term::Floor(of) => see(*of),
            Term::Call(_, ids) | Term::Max(ids) => ids.iter().copied().for_each(see),
            Term::Sum(_, terms) => terms.iter().for_each(|(id, _)| see(*id)),
            Term::Product(factors) => factors.iter().for_each(|(id, _)| see(*id)),
        }
    }

    /// Whether a term is i times something real.
    pub fn imaginary_angle(&self, id: Id) -> bool {
        let Term::Product(factors) = self.term(id) else { return false };
        let mut quarters = 0;
        factors.iter().all(|(id, power)| match self.term(*id) {
            Term::Unity(turns) => {
                quarters += 1;
                *power == 1 && *turns.denominator() == UBig::from(4u8)
            }
            _ => self.is_real(*id),
        }) && quarters == 1
    }

    /// Whether no variable occurs.
    pub fn is_constant(&self, id: Id) -> bool {
        self.constant[id as usize]
    }
}
