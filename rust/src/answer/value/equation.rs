//! Equations as zero sets of polynomials. They are not solved.

use super::polynomial::{Atom, Monomial, Polynomial};
use super::ratio::Ratio;
use super::shape::{Leaf, Value};
use crate::answer::limits::{Budget, MAX_SUBSTITUTED_POWER, Stop};
use crate::answer::tree::Relation;
use dashu_base::Signed;
use dashu_ratio::RBig;
use std::collections::BTreeSet;

/// `left - right` of an equation, with at least one variable; `y = ...` is one too.
pub struct Equation(Polynomial);

impl Equation {
    /// None for anything else, and where a side has a denominator.
    pub fn of(value: &Value) -> Option<Self> {
        let budget = &mut Budget::default();
        let (mut left, right) = match value {
            Value::Chain(sides, relations) if relations == &[Relation::Equal] => {
                (polynomial(&sides[0])?.clone(), polynomial(&sides[1])?)
            }
            Value::Named(name, value) if !name.contains('(') => match &**value {
                Value::Leaf(leaf) => (Polynomial::atom(Atom::Symbol(name.clone())), polynomial(leaf)?),
                _ => return None,
            },
            _ => return None,
        };
        left.add(&right.clone().negated(), budget).ok()?;
        let equation = Self(left);
        (!equation.symbols().is_empty()).then_some(equation)
    }

    /// Whether one is the other times a constant that is not zero.
    pub fn is_multiple_of(&self, other: &Self) -> bool {
        let mut factors =
            self.0.terms().zip(other.0.terms()).map(|((left, a), (right, b))| (left == right).then(|| a / b));
        self.0.terms().len() == other.0.terms().len()
            && factors
                .next()
                .flatten()
                .is_some_and(|first| factors.all(|factor| factor.as_ref() == Some(&first)))
    }

    /// Whether some real point solves exactly one of them. A proof: where one reads `y = g(x)`, its points are put into
    /// the other, and a polynomial that is not zero has a point where it is not.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        let real = |equation: &Self| {
            equation.0.is_independent()
                && equation.0.terms().all(|(monomial, _)| {
                    !monomial.radicand.is_negative()
                        && monomial.powers.iter().all(|(_, exponent)| *exponent > 0)
                })
        };
        // With other variables it may be the same equation under other names.
        self.symbols() == other.symbols()
            && real(self)
            && real(other)
            && (self.solves_only_itself(other) || other.solves_only_itself(self))
    }

    fn symbols(&self) -> BTreeSet<&str> {
        let atoms = self.0.terms().flat_map(|(monomial, _)| &monomial.powers);
        let names = atoms.filter_map(|(atom, _)| match atom {
            Atom::Symbol(name) => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    fn solves_only_itself(&self, other: &Self) -> bool {
        let budget = &mut Budget::default();
        self.symbols().into_iter().any(|name| {
            let Some(graph) = self.solved_for(name) else { return false };
            substituted(&other.0, name, &graph, budget)
                .is_ok_and(|result| !result.is_zero() && result.is_independent())
        })
    }

    /// What the variable equals, if it stands alone in one term and in no other.
    fn solved_for(&self, name: &str) -> Option<Polynomial> {
        let holds = |monomial: &Monomial| {
            monomial.powers.iter().any(|(atom, _)| matches!(atom, Atom::Symbol(symbol) if symbol == name))
        };
        let alone = Polynomial::atom(Atom::Symbol(name.to_owned()));
        let (wanted, _) = alone.terms().next()?;
        let mut own = self.0.terms().filter(|(monomial, _)| holds(monomial));
        let (Some((monomial, slope)), None) = (own.next(), own.next()) else { return None };
        let mut rest = self.0.clone();
        let term = Polynomial::term(monomial.clone(), -slope.clone());
        rest.add(&term, &mut Budget::default()).ok()?;
        (monomial == wanted).then(|| rest.scaled(&(RBig::NEG_ONE / slope)))
    }
}

fn polynomial(leaf: &Leaf) -> Option<&Polynomial> {
    let plain = leaf.unit.is_none() && !leaf.percent;
    leaf.value.as_ref().ok().filter(|_| plain).and_then(Ratio::polynomial)
}

fn substituted(
    polynomial: &Polynomial,
    name: &str,
    by: &Polynomial,
    budget: &mut Budget,
) -> Result<Polynomial, Stop> {
    let mut result = Polynomial::default();
    for (monomial, value) in polynomial.terms() {
        let is_name = |atom: &Atom| matches!(atom, Atom::Symbol(symbol) if symbol == name);
        let (own, others): (Vec<_>, Vec<_>) =
            monomial.powers.iter().cloned().partition(|(atom, _)| is_name(atom));
        let exponent = own.first().map_or(0, |(_, exponent)| *exponent);
        if !(0..=MAX_SUBSTITUTED_POWER).contains(&exponent) {
            return Err(Stop::Limit);
        }
        let monomial = Monomial { radicand: monomial.radicand.clone(), powers: others };
        let mut term = Polynomial::term(monomial, value.clone());
        for _ in 0..exponent {
            term = term.times(by, budget)?;
        }
        result.add(&term, budget)?;
    }
    Ok(result)
}
