//! Inequalities in several variables, and systems of linear equations written as one chain.

use super::equation::{Equation, LINES, side};
use super::polynomial::{Atom, Polynomial};
use super::shape::{Leaf, Value};
use crate::answer::limits::Budget;
use crate::answer::tree::Relation;
use dashu_base::Signed;
use dashu_ratio::RBig;
use std::collections::{BTreeMap, BTreeSet};

/// Variables of an inequality that is looked at point by point.
const MAX_VARIABLES: usize = 3;

/// `polynomial < 0`, or `<= 0`.
pub struct Inequality {
    below: Equation,
    strict: bool,
}

impl Inequality {
    /// None for anything else. Nothing is multiplied out, as a divisor may be negative.
    pub fn of(value: &Value) -> Option<Self> {
        let Value::Chain(sides, relations) = value else { return None };
        let ([left, right], [relation]) = (sides.as_slice(), relations.as_slice()) else { return None };
        let (small, large, strict) = match relation {
            Relation::Less => (left, right, true),
            Relation::LessEqual => (left, right, false),
            Relation::Greater => (right, left, true),
            Relation::GreaterEqual => (right, left, false),
            _ => return None,
        };
        let below = Equation(difference(small, large)?);
        (below.is_real() && !below.symbols().is_empty()).then_some(Self { below, strict })
    }

    /// Whether both hold at the same points; None where neither is proved.
    pub fn is_same_as(&self, other: &Self) -> Option<bool> {
        match self.below.factor_of(&other.below) {
            Some(factor) if factor.is_positive() && self.strict == other.strict => return Some(true),
            // A point of the border belongs to one of them.
            Some(factor) if factor.is_positive() => return self.below.has_real_point().then_some(false),
            // Where it is not zero only one of them holds.
            Some(_) => return Some(false),
            None => {}
        }
        if self.below.symbols() != other.below.symbols() {
            return None;
        }
        // Half-planes have the same border only if one is a multiple of the other.
        if is_linear(&self.below.0) && is_linear(&other.below.0) {
            return Some(false);
        }
        self.parts_at_a_point(other).then_some(false)
    }

    fn parts_at_a_point(&self, other: &Self) -> bool {
        let count = self.below.symbols().len();
        if count > MAX_VARIABLES {
            return false;
        }
        (0..LINES.len().pow(count as u32)).any(|number| {
            let coordinate = |place: usize| LINES[number / LINES.len().pow(place as u32) % LINES.len()];
            let point: Vec<(i64, i64)> = (0..count).map(coordinate).collect();
            let holds = |one: &Self| {
                let value = one.below.at(&point)?;
                Some(value.is_negative() || value.is_zero() && !one.strict)
            };
            matches!((holds(self), holds(other)), (Some(one), Some(two)) if one != two)
        })
    }
}

fn difference(left: &Leaf, right: &Leaf) -> Option<Polynomial> {
    let budget = &mut Budget::default();
    let difference = side(left)?.clone().plus(&side(right)?.clone().negated(), budget).ok()?;
    difference.polynomial().cloned()
}

fn is_linear(polynomial: &Polynomial) -> bool {
    polynomial.terms().all(|(monomial, _)| {
        let symbols = monomial.powers.iter().filter(|(atom, _)| matches!(atom, Atom::Symbol(_)));
        symbols.map(|(_, power)| *power).sum::<i32>() <= 1
    })
}

/// Coefficients by variable, the constant under no name.
type Row = BTreeMap<Option<String>, RBig>;

/// The solutions of `a = b = c` with linear sides, such as the symmetric equations of a line.
#[derive(PartialEq, Eq)]
pub struct System {
    symbols: BTreeSet<String>,
    /// Reduced.
    rows: Vec<Row>,
}

impl System {
    /// None for anything else, and for a system without solutions.
    pub fn of(value: &Value) -> Option<Self> {
        // `z = x - 1 = y + 2` has a name for its first side.
        let (name, sides, relations) = match value {
            Value::Chain(sides, relations) => (None, sides, relations),
            Value::Named(name, value) => match &**value {
                Value::Chain(sides, relations) if !name.contains('(') => (Some(name), sides, relations),
                _ => return None,
            },
            _ => return None,
        };
        let count = sides.len() + usize::from(name.is_some());
        if count < 3 || relations.iter().any(|relation| *relation != Relation::Equal) {
            return None;
        }
        let mut rows: Vec<Row> = Vec::new();
        for pair in sides.windows(2) {
            rows.push(row(&difference(&pair[0], &pair[1])?)?);
        }
        if let Some(name) = name {
            let mut first = row(side(&sides[0])?.polynomial()?)?;
            subtract(&mut first, &Row::from([(Some(name.clone()), RBig::ONE)]), &RBig::ONE);
            rows.push(first);
        }
        let symbols: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().flatten().cloned()).collect();
        let mut reduced: Vec<Row> = Vec::new();
        for symbol in &symbols {
            let key = Some(symbol.clone());
            let Some(at) = rows.iter().position(|row| row.contains_key(&key)) else { continue };
            let pivot = rows.swap_remove(at);
            let pivot: BTreeMap<_, _> =
                pivot.iter().map(|(name, value)| (name.clone(), value / &pivot[&key])).collect();
            for row in rows.iter_mut().chain(&mut reduced) {
                if let Some(factor) = row.get(&key).cloned() {
                    subtract(row, &pivot, &factor);
                }
            }
            reduced.push(pivot);
        }
        let consistent = rows.iter().all(BTreeMap::is_empty);
        consistent.then_some(Self { symbols, rows: reduced })
    }

    /// Whether both are about the same variables.
    pub fn same_symbols(&self, other: &Self) -> bool {
        self.symbols == other.symbols
    }
}

fn row(polynomial: &Polynomial) -> Option<Row> {
    let mut row = Row::new();
    for (monomial, value) in polynomial.terms() {
        let name = match monomial.powers.as_slice() {
            [] => None,
            [(Atom::Symbol(name), 1)] => Some(name.to_string()),
            _ => return None,
        };
        (monomial.radicand == dashu_int::IBig::ONE).then_some(())?;
        row.insert(name, value.clone());
    }
    Some(row)
}

fn subtract(row: &mut Row, pivot: &Row, factor: &RBig) {
    for (name, value) in pivot {
        let entry = row.entry(name.clone()).or_insert(RBig::ZERO);
        *entry -= value * factor;
    }
    row.retain(|_, value| !value.is_zero());
}
