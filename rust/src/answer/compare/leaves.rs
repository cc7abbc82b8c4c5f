//! Single values: units, percent signs, exact difference, rounding, separation.

use super::{Policy, Reason, Verdict};
use crate::answer::limits::{Budget, Stop};
use crate::answer::value::{Enclosure, Leaf, Ratio, Value};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Whether the value of an answer, or of any part of it, is undefined.
pub fn is_undefined(value: &Value) -> bool {
    match value {
        Value::Leaf(leaf) => matches!(leaf.value, Err(Stop::Undefined)),
        Value::Sequence(_, _, items) | Value::List(items) => items.iter().any(is_undefined),
        Value::Named(_, value) => is_undefined(value),
        Value::Chain(sides, _) => sides.iter().any(|side| matches!(side.value, Err(Stop::Undefined))),
        Value::Matrix(rows) => rows.iter().flatten().any(is_undefined),
        Value::Infinity { .. } | Value::Based(_) | Value::Region(..) | Value::Text(_) | Value::Other(_) => {
            false
        }
    }
}

/// Compares two values.
pub fn compare(left: &Leaf, right: &Leaf, policy: Policy, budget: &mut Budget) -> Verdict {
    let (left_value, right_value) = match (&left.value, &right.value) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(Stop::Undefined), _) | (_, Err(Stop::Undefined)) => {
            return Verdict::undecided(Reason::UndefinedValue);
        }
        _ => return separate(left, right).unwrap_or(Verdict::undecided(Reason::NotNative)),
    };
    match scaled(left, left_value, right, right_value, budget) {
        Err(stop) => Verdict::undecided(if stop == Stop::Limit { Reason::Limit } else { Reason::NotNative }),
        Ok(Scaled::Incomparable) => Verdict::different(Reason::UnitDiffers),
        Ok(Scaled::Unknown) => Verdict::undecided(Reason::NotNative),
        Ok(Scaled::Values(left_value, right_value)) => {
            let verdict = exact(left, &left_value, right, &right_value, policy, budget);
            // A percent sign on one side only: the bare number may be what it counts.
            if policy.percent_bare && left.percent != right.percent && !verdict.is_equal() {
                let (Ok(left_bare), Ok(right_bare)) = (&left.value, &right.value) else { return verdict };
                if exact(left, left_bare, right, right_bare, policy, budget).is_equal() {
                    return Verdict::equal(Reason::PercentBare);
                }
            }
            verdict
        }
    }
}

enum Scaled {
    /// On one scale.
    Values(Ratio, Ratio),
    /// Of different kinds.
    Incomparable,
    /// Convertible in a way that is not native.
    Unknown,
}

/// Both values on one scale: percent as hundredths, units by their factors; a missing unit is free.
fn scaled(
    left: &Leaf,
    left_value: &Ratio,
    right: &Leaf,
    right_value: &Ratio,
    budget: &mut Budget,
) -> Result<Scaled, Stop> {
    let percent = |leaf: &Leaf, value: &Ratio, budget: &mut Budget| {
        if leaf.percent && !(left.percent && right.percent) {
            value.times(&RBig::from_parts(IBig::ONE, UBig::from(100u8)).into(), budget)
        } else {
            Ok(value.clone())
        }
    };
    let (left_value, right_value) =
        (percent(left, left_value, budget)?, percent(right, right_value, budget)?);
    let (Some(left_unit), Some(right_unit)) = (&left.unit, &right.unit) else {
        return Ok(Scaled::Values(left_value, right_value));
    };
    if !left_unit.same_dimension(right_unit) {
        let angles = ["angle", "radian"];
        let both_angles = angles.contains(&left_unit.dimension) && angles.contains(&right_unit.dimension);
        return Ok(if both_angles { Scaled::Unknown } else { Scaled::Incomparable });
    }
    if left_unit.same_scale(right_unit) {
        return Ok(Scaled::Values(left_value, right_value));
    }
    let reference = |unit: &crate::answer::units::Unit| {
        let (top, bottom) = unit.factor;
        let power = unit.power as usize;
        Ratio::from(RBig::from_parts(IBig::from(top).pow(power), UBig::from(bottom).pow(power)))
    };
    Ok(Scaled::Values(
        left_value.times(&reference(left_unit), budget)?,
        right_value.times(&reference(right_unit), budget)?,
    ))
}

fn exact(
    left: &Leaf,
    left_value: &Ratio,
    right: &Leaf,
    right_value: &Ratio,
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let Ok(difference) = left_value.difference(right_value, budget) else {
        return separate(left, right).unwrap_or(Verdict::undecided(Reason::Limit));
    };
    if difference.is_zero() {
        return Verdict::equal(Reason::SameValue);
    }
    let plain = |leaf: &Leaf| leaf.unit.is_none() && !leaf.percent;
    let plain = plain(left) && plain(right);
    if plain && (rounds(left, right, policy) || rounds(right, left, policy)) {
        return Verdict::equal(Reason::RoundedValue);
    }
    if difference.is_independent() {
        return Verdict::different(Reason::ValueDiffers);
    }
    let separated = if plain { separate(left, right) } else { None };
    separated.unwrap_or(Verdict::undecided(Reason::NotNative))
}

/// Whether `decimal` is a decimal with enough digits that rounds or truncates the exact `value`.
fn rounds(decimal: &Leaf, value: &Leaf, policy: Policy) -> bool {
    let (Some(printed), None) = (decimal.printed, value.printed) else { return false };
    if printed.significant < policy.rounded_from {
        return false;
    }
    let number = decimal.value.as_ref().ok().and_then(Ratio::rational);
    let enclosure = match value.value.as_ref().ok().and_then(Ratio::rational) {
        Some(rational) => Some(Enclosure::rational(&rational)),
        None => Enclosure::of(&value.node),
    };
    // Beyond this the enclosure is not fine enough to tell the last digit.
    let fits = printed.decimals <= 80;
    matches!((number, enclosure), (Some(number), Some(enclosure)) if fits && enclosure.rounds_to(&number, printed.decimals))
}

/// "Different" if two real constants lie in disjoint intervals.
fn separate(left: &Leaf, right: &Leaf) -> Option<Verdict> {
    if left.unit.is_some() || right.unit.is_some() || left.percent || right.percent {
        return None;
    }
    let apart = Enclosure::of(&left.node)?.is_apart_from(&Enclosure::of(&right.node)?);
    apart.then_some(Verdict::different(Reason::ValueSeparated))
}
