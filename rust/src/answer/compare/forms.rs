//! Matrices against vectors and nested lists; numbers in a base; equations.

use super::items::{self, in_order};
use super::{Policy, Reason, Verdict};
use crate::answer::limits::Budget;
use crate::answer::value::{Based, Equation, Inequality, Leaf, Ratio, System, Value, components, shape};

/// A matrix against anything. A row or column is also the vector `(..)` or `\langle..\rangle`; `[[..],[..]]` lists rows.
pub fn matrices(left: &[Vec<Value>], right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    let cells: Vec<Value> = left.iter().flatten().cloned().collect();
    match right {
        Value::Matrix(right) => {
            if left.len() != right.len() || left[0].len() != right[0].len() {
                return Verdict::different(Reason::LengthDiffers);
            }
            in_order(&cells, &right.iter().flatten().cloned().collect::<Vec<_>>(), policy, budget)
        }
        Value::Sequence('[', ']', rows)
            if rows.iter().all(|row| matches!(row, Value::Sequence('[', ']', _))) =>
        {
            let rows = rows.iter().filter_map(|row| match row {
                Value::Sequence(_, _, cells) if !cells.is_empty() => Some(cells.clone()),
                _ => None,
            });
            let rows: Vec<_> = rows.collect();
            if rows.is_empty() || rows.iter().any(|row| row.len() != rows[0].len()) {
                return Verdict::undecided(Reason::KindDiffers);
            }
            matrices(left, &Value::Matrix(rows), policy, budget)
        }
        Value::Sequence('(', ')', items) | Value::Sequence('<', '>', items)
            if (left.len() == 1 || left[0].len() == 1)
                && items.iter().all(|item| matches!(item, Value::Leaf(_))) =>
        {
            in_order(&cells, items, policy, budget)
        }
        Value::Named(_, value) => matrices(left, value, policy, budget),
        Value::Leaf(leaf) if (left.len() == 1 || left[0].len() == 1) && !leaf.node.is_constant() => {
            by_components(leaf, &Value::Sequence('(', ')', cells.clone()), cells.len(), policy, budget)
        }
        Value::Leaf(leaf)
            if cells.len() > 1 && leaf.value.as_ref().is_ok_and(|value| value.rational().is_some()) =>
        {
            Verdict::different(Reason::LengthDiffers)
        }
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

/// `3i-2j` against `(3,-2)` or a matrix with one row or column.
pub fn by_components(
    leaf: &Leaf,
    vector: &Value,
    count: usize,
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    match components(&leaf.node, count) {
        Some(parts) => {
            let parts = parts.into_iter().map(|part| shape(part, budget)).collect();
            items::compare(&Value::Sequence('(', ')', parts), vector, policy, budget)
        }
        None => Verdict::undecided(Reason::KindDiffers),
    }
}

/// Numbers in a base: digits and base must agree; a number without a base may be the same digits.
pub fn based(left: &Based, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    match right {
        Value::Based(right) if policy.base_by_value => {
            if left.value == right.value {
                Verdict::equal(Reason::SameValue)
            } else {
                Verdict::different(Reason::ValueDiffers)
            }
        }
        Value::Based(right) => match (left.base == right.base, left.value == right.value) {
            (true, true) => Verdict::equal(Reason::SameValue),
            (true, false) => Verdict::different(Reason::ValueDiffers),
            (false, _) => Verdict::different(Reason::BaseDiffers),
        },
        Value::Named(_, value) => items::compare(&Value::Based(left.clone()), value, policy, budget),
        Value::Leaf(leaf) if leaf.unit.is_none() && !leaf.percent => {
            match leaf.value.as_ref().ok().and_then(Ratio::rational) {
                Some(bare) if Some(&bare) == left.digits.as_ref() && policy.base_bare => {
                    Verdict::equal(Reason::BaseMissing)
                }
                // Digits with letters cannot be meant by a number without them.
                Some(bare) if bare == left.value && left.digits.is_none() => {
                    Verdict::equal(Reason::SameValue)
                }
                // The value in base ten, or another number.
                Some(bare) if bare != left.value && Some(&bare) != left.digits.as_ref() => {
                    Verdict::different(Reason::ValueDiffers)
                }
                _ => Verdict::undecided(Reason::KindDiffers),
            }
        }
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

/// Two equations, inequalities or systems; None where neither "equal" nor "different" is proved.
pub fn equations(left: &Value, right: &Value) -> Option<Verdict> {
    if let (Some(left), Some(right)) = (Inequality::of(left), Inequality::of(right)) {
        return left.is_same_as(&right).map(|same| {
            if same {
                Verdict::equal(Reason::SameRelation)
            } else {
                Verdict::different(Reason::RegionDiffers)
            }
        });
    }
    if let (Some(left), Some(right)) = (System::of(left), System::of(right)) {
        return if left == right {
            Some(Verdict::equal(Reason::SameEquation))
        } else {
            left.same_symbols(&right).then_some(Verdict::different(Reason::EquationDiffers))
        };
    }
    let (left, right) = (Equation::of(left)?, Equation::of(right)?);
    if left.is_multiple_of(&right) {
        return Some(Verdict::equal(Reason::SameEquation));
    }
    left.is_apart_from(&right).then_some(Verdict::different(Reason::EquationDiffers))
}
