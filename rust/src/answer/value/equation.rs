//! Equations as zero sets of polynomials. They are not solved.

use super::polynomial::{Atom, Monomial, Polynomial, Powers};
use super::ratio::Ratio;
use super::roots::{coefficients, has_real_root, same_zeros, share_no_zero};
use super::shape::{Leaf, Value};
use crate::answer::limits::{Budget, MAX_SUBSTITUTED_POWER, Stop};
use crate::answer::tree::Relation;
use dashu_base::Signed;
use dashu_ratio::RBig;
use std::collections::{BTreeMap, BTreeSet};

/// Values of the other variables on the lines that are looked along.
pub(super) const LINES: [(i64, i64); 7] = [(0, 1), (1, 3), (-1, 2), (2, 1), (-3, 1), (7, 2), (20, 1)];

/// `left - right` of an equation, with at least one variable; `y = ...` is one too.
pub struct Equation(pub(super) Polynomial);

impl Equation {
    /// None for anything else. Denominators are multiplied out.
    pub fn of(value: &Value) -> Option<Self> {
        let budget = &mut Budget::default();
        let (mut left, right): (Ratio, &Ratio) = match value {
            Value::Chain(sides, relations) if relations == &[Relation::Equal] => {
                (side(&sides[0])?.clone(), side(&sides[1])?)
            }
            Value::Named(name, value) if !name.contains('(') => match &**value {
                Value::Leaf(leaf) => (Polynomial::atom(Atom::Symbol(name.into())).into(), side(leaf)?),
                _ => return None,
            },
            _ => return None,
        };
        left = left.plus(&right.clone().negated(), budget).ok()?;
        let equation = Self(without_divisors(&left.parts().0?, budget)?);
        (!equation.symbols().is_empty()).then_some(equation)
    }

    /// Whether one is the other times a constant that is not zero.
    pub fn is_multiple_of(&self, other: &Self) -> bool {
        self.factor_of(other).is_some()
    }

    /// The constant that the other one is multiplied by to give this one.
    pub(super) fn factor_of(&self, other: &Self) -> Option<RBig> {
        let mut factors =
            self.0.terms().zip(other.0.terms()).map(|((left, a), (right, b))| (left == right).then(|| a / b));
        let first = factors.next().flatten().filter(|_| self.0.terms().len() == other.0.terms().len())?;
        factors.all(|factor| factor.as_ref() == Some(&first)).then_some(first)
    }

    /// Whether some real point solves exactly one of them. A proof: where one reads `y = g(x)`, its points are put into
    /// the other, and a polynomial that is not zero has a point where it is not.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        if let Some((left, right)) = self.coefficients().zip(other.coefficients()) {
            // Of one variable: the complex zeros tell.
            return !same_zeros(&left, &right);
        }
        // With other variables it may be the same equation under other names.
        self.symbols() == other.symbols()
            && self.is_real()
            && other.is_real()
            && (self.solves_only_itself(other)
                || other.solves_only_itself(self)
                || self.leaves_on_a_line(other)
                || other.leaves_on_a_line(self))
    }

    /// Coefficients by power, of an equation in one variable.
    fn coefficients(&self) -> Option<Vec<RBig>> {
        let symbols = self.symbols();
        let name = symbols.iter().next().filter(|_| symbols.len() == 1)?;
        coefficients(&self.0, name)
    }

    /// Whether it is a polynomial with real coefficients.
    pub(super) fn is_real(&self) -> bool {
        self.0.is_independent()
            && self.0.terms().all(|(monomial, _)| {
                !monomial.radicand.is_negative() && monomial.powers.iter().all(|(_, exponent)| *exponent > 0)
            })
    }

    /// Whether it has a real solution; false says nothing.
    pub(super) fn has_real_point(&self) -> bool {
        let names: Vec<String> = self.symbols().into_iter().map(str::to_owned).collect();
        LINES.iter().any(|line| {
            names.iter().any(|free| self.on_line(*line, &names, free).is_some_and(|own| has_real_root(&own)))
        })
    }

    /// The coefficients in one variable, with the others at one value.
    fn on_line(&self, (top, bottom): (i64, i64), names: &[String], free: &str) -> Option<Vec<RBig>> {
        let value = Polynomial::from(RBig::from_parts_signed(top.into(), bottom.into()));
        let budget = &mut Budget::default();
        let mut polynomial = self.0.clone();
        for name in names.iter().filter(|name| *name != free) {
            polynomial = substituted(&polynomial, name, &value, budget).ok()?;
        }
        coefficients(&polynomial, free)
    }

    /// The value at a point, one coordinate for each symbol in turn; None where it is no rational.
    pub(super) fn at(&self, point: &[(i64, i64)]) -> Option<RBig> {
        let budget = &mut Budget::default();
        let names: Vec<String> = self.symbols().into_iter().map(str::to_owned).collect();
        let mut polynomial = self.0.clone();
        for (name, (top, bottom)) in names.iter().zip(point) {
            let value = Polynomial::from(RBig::from_parts_signed((*top).into(), (*bottom).into()));
            polynomial = substituted(&polynomial, name, &value, budget).ok()?;
        }
        polynomial.rational()
    }

    pub(super) fn symbols(&self) -> BTreeSet<&str> {
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

    /// Whether on some line parallel to an axis this one has a real point, and shares no zero with the other one.
    fn leaves_on_a_line(&self, other: &Self) -> bool {
        let names: Vec<String> = self.symbols().into_iter().map(str::to_owned).collect();
        LINES.iter().any(|line| {
            names.iter().any(|free| {
                let on_line = |equation: &Self| equation.on_line(*line, &names, free);
                let (Some(own), Some(others)) = (on_line(self), on_line(other)) else { return false };
                has_real_root(&own) && share_no_zero(&own, &others)
            })
        })
    }

    /// What the variable equals, if it stands alone in one term and in no other.
    fn solved_for(&self, name: &str) -> Option<Polynomial> {
        let holds = |monomial: &Monomial| {
            monomial.powers.iter().any(|(atom, _)| matches!(atom, Atom::Symbol(symbol) if symbol == name))
        };
        let alone = Polynomial::atom(Atom::Symbol(name.into()));
        let (wanted, _) = alone.terms().next()?;
        let mut own = self.0.terms().filter(|(monomial, _)| holds(monomial));
        let (Some((monomial, slope)), None) = (own.next(), own.next()) else { return None };
        let mut rest = self.0.clone();
        let term = Polynomial::term(monomial.clone(), -slope.clone());
        rest.add(&term, &mut Budget::default()).ok()?;
        (monomial == wanted).then(|| rest.scaled(&(RBig::NEG_ONE / slope)))
    }
}

pub(super) fn side(leaf: &Leaf) -> Option<&Ratio> {
    let plain = leaf.unit.is_none() && !leaf.percent;
    leaf.value.as_ref().ok().filter(|_| plain)
}

/// Times the powers of variables that stand in denominators.
fn without_divisors(polynomial: &Polynomial, budget: &mut Budget) -> Option<Polynomial> {
    let mut lowest: BTreeMap<Atom, i32> = BTreeMap::new();
    for (atom, power) in polynomial.terms().flat_map(|(monomial, _)| &monomial.powers) {
        if matches!(atom, Atom::Symbol(_)) && *power < 0 {
            let least = lowest.entry(atom.clone()).or_default();
            *least = (*least).min(*power);
        }
    }
    let powers = lowest.into_iter().map(|(atom, power)| (atom, -power)).collect();
    let factor = Polynomial::term(Monomial { powers, ..Monomial::default() }, RBig::ONE);
    polynomial.times(&factor, budget).ok()
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
        let (own, others): (Powers, Powers) =
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
