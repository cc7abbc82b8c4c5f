//! Single values: units, percent signs, exact difference, rounding, identities.

use super::{Policy, Reason, Verdict, VerdictKind};
use crate::answer::identity::{self, Builder, Decision, Glance, Graph, Id, Known, Proof};
use crate::answer::limits::{Budget, Stop};
use crate::answer::rational::fraction;
use crate::answer::tree::Node;
use crate::answer::units::Unit;
use crate::answer::value::{Leaf, Ratio, Value};
use dashu_base::DivEuclid;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::borrow::Cow;

/// Decimals of a printed number that are compared with an exact value.
const MAX_PRINTED_DECIMALS: usize = 300;

/// Whether the value of an answer, or of any part of it, is undefined.
pub fn is_undefined(value: &Value) -> bool {
    match value {
        Value::Leaf(leaf) => matches!(leaf.value, Err(Stop::Undefined)),
        Value::Sequence(_, _, items) | Value::List(items) | Value::Point(_, items, _) => {
            items.iter().any(is_undefined)
        }
        Value::Named(_, value) => is_undefined(value),
        Value::Chain(sides, _) => sides.iter().any(|side| matches!(side.value, Err(Stop::Undefined))),
        Value::Matrix(rows) => rows.iter().flatten().any(is_undefined),
        Value::Congruence(_, one, two) => {
            [one, two].iter().any(|leaf| matches!(leaf.value, Err(Stop::Undefined)))
        }
        Value::Family(_, members) => members.iter().any(|leaf| matches!(leaf.value, Err(Stop::Undefined))),
        Value::Infinity { .. }
        | Value::Based(_)
        | Value::Region(..)
        | Value::Text(_)
        | Value::Pieces(_)
        | Value::Clock(..)
        | Value::Other(_) => false,
    }
}

/// Compares two values.
pub fn compare(left: &Leaf, right: &Leaf, policy: Policy, budget: &mut Budget) -> Verdict {
    let undefined = |leaf: &Leaf| matches!(leaf.value, Err(Stop::Undefined));
    if undefined(left) || undefined(right) {
        return Verdict::undecided(Reason::UndefinedValue);
    }
    let (left_read, right_read) = (with_letter_unit(left, right), with_letter_unit(right, left));
    let (left, right) = (left_read.as_ref().unwrap_or(left), right_read.as_ref().unwrap_or(right));
    let Some((left_scale, right_scale)) = scales(left, right, policy) else {
        return Verdict::different(Reason::UnitDiffers);
    };
    let verdict = scaled(left, &left_scale, right, &right_scale, policy, budget);
    // Nothing says whether C and c are one constant.
    if verdict.kind == VerdictKind::Different
        && let Some((left, right)) = integration_constants(left, right)
        && scaled(&left, &left_scale, &right, &right_scale, policy, budget).is_equal()
    {
        return Verdict::undecided(Reason::NameDiffers);
    }
    // A percent sign on one side only: the bare number may be what it counts.
    if policy.percent_bare && left.percent != right.percent && !verdict.is_equal() {
        let bare = scaled(left, &RBig::ONE, right, &RBig::ONE, policy, budget);
        if bare.is_equal() {
            return Verdict::equal(Reason::PercentBare);
        }
    }
    verdict
}

/// `2000 g` beside `2 kg`: a last letter is a unit where the other side has one of its kind, and a variable elsewhere.
fn with_letter_unit(leaf: &Leaf, other: &Leaf) -> Option<Leaf> {
    let other_unit = other.unit.as_ref()?;
    let read = || {
        let Node::Product(factors) = &leaf.node else { return None };
        let (last, rest) = factors.split_last()?;
        let (name, power) = match last {
            Node::Symbol(name) => (name, 1),
            Node::Power(base, exponent) => match (&**base, &**exponent) {
                (Node::Symbol(name), Node::Number(power)) => (name, power.digits.parse().ok()?),
                _ => return None,
            },
            _ => return None,
        };
        let (unit, value) = (crate::answer::units::find(name)?.raised(power)?, rest.first()?);
        let fits = leaf.unit.is_none() && rest.len() == 1 && unit.same_dimension(other_unit);
        let node = value.clone();
        let value = crate::answer::value::evaluate(&node, &mut Budget::reading());
        let printed = match &node {
            Node::Number(literal) => literal.printed(),
            _ => None,
        };
        fits.then_some(Leaf { value, node, printed, unit: Some(unit), percent: false })
    };
    read()
}

/// `F(x)+C` beside `F(x)+c`, `C e^x` beside `c e^x`, both with C: where x is all there is besides, these may be one constant of
/// integration.
fn integration_constants(left: &Leaf, right: &Leaf) -> Option<(Leaf, Leaf)> {
    let (one, other) = (constant_of_integration(&left.node)?, constant_of_integration(&right.node)?);
    if one == other {
        return None;
    }
    let renamed = |leaf: &Leaf, name: &str| {
        let constant = Node::Symbol("C".into());
        let node = crate::answer::value::substituted(&leaf.node, name, &constant);
        let value = crate::answer::value::evaluate(&node, &mut Budget::reading());
        Leaf { value, node, ..leaf.clone() }
    };
    Some((renamed(left, &one), renamed(right, &other)))
}

/// The name of the one constant that occurs beside one variable: `F(x) + C`, `C e^x`.
fn constant_of_integration(node: &Node) -> Option<String> {
    let mut symbols = Vec::new();
    node.symbols(&mut symbols);
    let is_constant = |name: &&&str| matches!(**name, "C" | "c" | "K" | "A" | "C_1" | "c_1");
    let mut names = symbols.iter().filter(is_constant);
    let (name, None) = ((*names.next()?).to_owned(), names.next()) else { return None };
    let variables: Vec<&str> = symbols.iter().copied().filter(|symbol| *symbol != name).collect();
    let one_variable = variables.first().is_some_and(|first| {
        matches!(*first, "x" | "t" | "u" | "y" | "z" | "s" | "theta" | "v" | "w")
            && variables.iter().all(|name| name == first)
    });
    one_variable.then_some(name)
}

/// Factors that bring both values on one scale: percent as hundredths, units by their factors; a missing unit is free. None for
/// units of different kinds.
fn scales(left: &Leaf, right: &Leaf, policy: Policy) -> Option<(RBig, RBig)> {
    let percent = |leaf: &Leaf| {
        if leaf.percent && !(left.percent && right.percent) { fraction(1, 100) } else { RBig::ONE }
    };
    let (left_scale, right_scale) = (percent(left), percent(right));
    let (Some(left_unit), Some(right_unit)) = (&left.unit, &right.unit) else {
        let free = left.unit.is_none() && right.unit.is_none() || policy.unit_bare;
        return free.then_some((left_scale, right_scale));
    };
    if left_unit.same_scale(right_unit) {
        return Some((left_scale, right_scale));
    }
    let angles = |unit: &Unit| unit.measures("angle") || unit.measures("radian");
    if angles(left_unit) && angles(right_unit) && policy.unit_conversion {
        return Some((left_scale, right_scale));
    }
    if !left_unit.same_dimension(right_unit) || !policy.unit_conversion {
        return None;
    }
    let reference = |unit: &Unit| {
        let (top, bottom) = unit.factor;
        RBig::from_parts(IBig::from(top), UBig::from(bottom))
    };
    Some((left_scale * reference(left_unit), right_scale * reference(right_unit)))
}

fn scaled(
    left: &Leaf,
    left_scale: &RBig,
    right: &Leaf,
    right_scale: &RBig,
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let plain = |leaf: &Leaf| leaf.unit.is_none() && !leaf.percent;
    let plain = plain(left) && plain(right);
    let exact = if in_radians(left, right, policy) {
        None
    } else {
        left.value.as_ref().ok().zip(right.value.as_ref().ok())
    };
    if let Some((left_value, right_value)) = exact {
        if let Ok(relation) = exactly((left_value, left_scale), (right_value, right_scale), budget) {
            if relation == Exactly::Same {
                return Verdict::equal(Reason::SameValue);
            }
            if plain && (rounds(left, right, policy, budget) || rounds(right, left, policy, budget)) {
                return Verdict::equal(Reason::RoundedValue);
            }
            if relation == Exactly::Apart {
                return Verdict::different(Reason::ValueDiffers);
            }
        }
    } else if plain && (rounds(left, right, policy, budget) || rounds(right, left, policy, budget)) {
        return Verdict::equal(Reason::RoundedValue);
    }
    by_identity((left, left_scale), (right, right_scale), policy, budget)
        .unwrap_or_else(|stop| Verdict::undecided(not_compared(stop)))
}

/// What exact arithmetic says of two values.
#[derive(PartialEq, Eq)]
enum Exactly {
    Same,
    Apart,
    /// Opaque terms, or pi and e at once, take part in the difference.
    Unknown,
}

fn exactly(
    (left, left_scale): (&Ratio, &RBig),
    (right, right_scale): (&Ratio, &RBig),
    budget: &mut Budget,
) -> Result<Exactly, Stop> {
    let scaled = |value, scale: &RBig, budget: &mut Budget| -> Result<Cow<'_, Ratio>, Stop> {
        Ok(if scale.is_one() {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(Ratio::times(value, &scale.clone().into(), budget)?)
        })
    };
    let (left, right) = (scaled(left, left_scale, budget)?, scaled(right, right_scale, budget)?);
    if left == right {
        return Ok(Exactly::Same);
    }
    if left.is_rational() && right.is_rational() {
        return Ok(Exactly::Apart);
    }
    let difference = left.difference(&right, budget)?;
    Ok(if difference.is_zero() {
        Exactly::Same
    } else if difference.is_independent() {
        Exactly::Apart
    } else {
        Exactly::Unknown
    })
}

/// Whether angles are compared in radians: degrees against radians, or by policy against a bare number.
fn in_radians(left: &Leaf, right: &Leaf, policy: Policy) -> bool {
    let degrees = |unit: &Unit| unit.measures("angle");
    match (&left.unit, &right.unit) {
        (Some(left), Some(right)) => {
            degrees(left) && right.measures("radian") || left.measures("radian") && degrees(right)
        }
        (Some(unit), None) | (None, Some(unit)) => degrees(unit) && policy.degrees_as_radians,
        _ => false,
    }
}

fn not_compared(stop: Stop) -> Reason {
    match stop {
        Stop::Undefined => Reason::UndefinedValue,
        Stop::Limit => Reason::Limit,
        Stop::Beyond => Reason::NotNative,
    }
}

/// By reduction to independent atoms, balls and exact zero tests.
///
/// Of the two trees the smaller one is read first, so that nothing that follows the order of reading, such as the points at
/// which opaque calls are sampled, depends on which of them is the expected answer.
fn by_identity(
    one: (&Leaf, &RBig),
    other: (&Leaf, &RBig),
    policy: Policy,
    budget: &mut Budget,
) -> Result<Verdict, Stop> {
    let in_order = (&one.0.node, one.1) <= (&other.0.node, other.1);
    let ((left, left_scale), (right, right_scale)) = if in_order { (one, other) } else { (other, one) };
    let radians = in_radians(left, right, policy);
    // A decimal that may round what has no ball is not the same number, and yet not different.
    let may_round = |decimal: &Leaf, value: &Leaf| {
        value.printed.is_none()
            && decimal.printed.is_some_and(|printed| printed.significant >= policy.rounded_from)
    };
    let seen = if radians || may_round(left, right) || may_round(right, left) {
        Glance::Nothing
    } else {
        identity::glance((&left.node, left_scale), (&right.node, right_scale), policy)
    };
    if seen == Glance::Apart && policy.common_domain {
        budget.note("identity", || "different: apart in double precision".to_owned());
        return Ok(Verdict::different(Reason::ValueSeparated));
    }
    let known = Known { common_domain: policy.common_domain, together: seen == Glance::Together };
    let mut graph = Graph::default();
    let mut built = |leaf: &Leaf, scale: &RBig, budget: &mut Budget| -> Result<Id, Stop> {
        let mut builder = Builder::new(&mut graph, policy, budget);
        let id = match &leaf.unit {
            Some(unit) if radians => {
                builder.build(&Node::Measured(Box::new(leaf.node.clone()), Box::new(unit.clone())))?
            }
            _ => builder.build(&leaf.node)?,
        };
        graph.scaled(id, scale)
    };
    let (one, two) = (built(left, left_scale, budget)?, built(right, right_scale, budget)?);
    let decision = identity::compare(&mut graph, one, two, known, budget)?;
    budget.note("identity", || match decision {
        Decision::Equal(proof) => format!("equal: {}", proof.describe()),
        Decision::Different(0) => "different normal forms".to_owned(),
        Decision::Different(bits) => format!("different: balls of {bits} bits do not meet"),
        Decision::Unseparated => "balls of 1024 bits meet, no exact argument applies".to_owned(),
        Decision::NoCommonPoint => "no sample point at which both are defined".to_owned(),
    });
    Ok(match decision {
        Decision::Equal(Proof::NormalForm) => Verdict::equal(Reason::SameValue),
        Decision::Equal(_) => Verdict::equal(Reason::SameIdentity),
        Decision::Different(_) => Verdict::different(Reason::ValueSeparated),
        Decision::Unseparated => Verdict::undecided(Reason::Unseparated),
        Decision::NoCommonPoint => Verdict::undecided(Reason::NoCommonDomain),
    })
}

/// Whether `decimal` is a decimal with enough digits that rounds or truncates the exact `value`.
fn rounds(decimal: &Leaf, value: &Leaf, policy: Policy, budget: &mut Budget) -> bool {
    let (Some(printed), None) = (decimal.printed, value.printed) else { return false };
    if printed.significant < policy.rounded_from || printed.decimals > MAX_PRINTED_DECIMALS {
        return false;
    }
    let Some(number) = decimal.value.as_ref().ok().and_then(Ratio::rational) else { return false };
    let ends = match value.value.as_ref().ok().and_then(Ratio::rational) {
        Some(exact) => Some((exact.clone(), exact)),
        None => ends(&value.node, 80 + 4 * printed.decimals, policy, budget),
    };
    ends.is_some_and(|(low, high)| is_rounded(&number, printed.decimals, &low, &high))
}

/// A real constant between two rationals.
fn ends(node: &Node, bits: usize, policy: Policy, budget: &mut Budget) -> Option<(RBig, RBig)> {
    let mut graph = Graph::default();
    let id = Builder::new(&mut graph, policy, budget).build(node).ok()?;
    if !graph.is_constant(id) {
        return None;
    }
    let value = identity::enclosed(&graph, id, bits + 400, budget).ok()??;
    let real = value.im.is_none();
    real.then(|| value.re.ends(4 * bits + 4000)).flatten()
}

/// Whether a number with these decimals is every value between the ends, rounded to nearest or cut.
fn is_rounded(printed: &RBig, decimals: usize, low: &RBig, high: &RBig) -> bool {
    let scale = RBig::from(UBig::from(10u8).pow(decimals));
    let half = RBig::from_parts(IBig::ONE, UBig::from(2u8));
    let floor = |value: RBig| value.numerator().clone().div_euclid(IBig::from(value.denominator().clone()));
    let wanted = (printed * &scale).numerator().clone();
    // Of the magnitude, so that a cut is towards zero.
    let negative = *low < RBig::ZERO;
    let (near, far) = if negative { (-high.clone(), -low.clone()) } else { (low.clone(), high.clone()) };
    let wanted = if negative { -wanted } else { wanted };
    if near < RBig::ZERO {
        return false;
    }
    [RBig::ZERO, half]
        .iter()
        .any(|offset| floor(&near * &scale + offset) == wanted && floor(&far * &scale + offset) == wanted)
}
