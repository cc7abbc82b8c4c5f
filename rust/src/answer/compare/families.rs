//! Families over the integers, congruences, times of day, named points.

use super::items;
use super::{Policy, Reason, Verdict, VerdictKind, leaves};
use crate::answer::identity::{self, Builder, Decision, Graph, Id, Known};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::Node;
use crate::answer::value::{Leaf, Ratio, Value};
use dashu_int::IBig;
use dashu_ratio::RBig;

/// Letters that are parameters where nothing says so.
const PARAMETERS: [&str; 5] = ["k", "n", "m", "l", "t"];

/// Two families, or a family and values with a letter that may be its parameter.
pub fn families(
    (parameter, members): (&str, &[Leaf]),
    other: &Value,
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let (other_parameter, other_members) = match other {
        Value::Family(parameter, members) => (parameter.clone(), members.clone()),
        other => {
            let Some(leaves) = loose(other) else { return Verdict::undecided(Reason::KindDiffers) };
            let symbols: Vec<&str> = PARAMETERS
                .into_iter()
                .filter(|name| leaves.iter().any(|leaf| mentions(&leaf.node, name)))
                .collect();
            match symbols.as_slice() {
                // A few numbers are no family.
                [] => return Verdict::different(Reason::LengthDiffers),
                [one] => ((*one).to_owned(), leaves),
                _ => return Verdict::undecided(Reason::KindDiffers),
            }
        }
    };
    let result = compared((parameter, members), (&other_parameter, &other_members), policy, budget);
    result.unwrap_or(Verdict::undecided(Reason::NotNative))
}

fn loose(value: &Value) -> Option<Vec<Leaf>> {
    match value {
        Value::Leaf(leaf) => Some(vec![(**leaf).clone()]),
        Value::Named(_, value) => loose(value),
        Value::List(items) => {
            let leaves: Option<Vec<Vec<Leaf>>> = items.iter().map(loose).collect();
            leaves.map(|leaves| leaves.into_iter().flatten().collect())
        }
        _ => None,
    }
}

fn mentions(node: &Node, name: &str) -> bool {
    let mut names = Vec::new();
    node.symbols(&mut names);
    names.contains(&name)
}

/// `offset + period k` for every integer k.
struct Progression {
    offset: Id,
    period: Id,
}

fn compared(
    left: (&str, &[Leaf]),
    right: (&str, &[Leaf]),
    policy: Policy,
    budget: &mut Budget,
) -> Result<Verdict, Stop> {
    let mut graph = Graph::default();
    let mut read = |(parameter, members): (&str, &[Leaf]), budget: &mut Budget| {
        members
            .iter()
            .map(|leaf| progression(&mut graph, parameter, leaf, policy, budget))
            .collect::<Result<Vec<_>, _>>()
    };
    let (left, right) = (read(left, budget)?, read(right, budget)?);
    let mut used = vec![false; right.len()];
    let mut single = None;
    let mut matched = left.len() == right.len();
    for one in &left {
        let mut found = false;
        for (at, other) in right.iter().enumerate() {
            let same = same_progression(&mut graph, one, other, budget)?;
            single = Some(same);
            if same && !used[at] {
                used[at] = true;
                found = true;
                break;
            }
        }
        matched &= found;
    }
    Ok(match (matched, left.len(), right.len(), single) {
        (true, ..) => Verdict::equal(Reason::SameItems),
        (false, 1, 1, Some(false)) => Verdict::different(Reason::ItemDiffers),
        // Several progressions may cover the same values in another way.
        _ => Verdict::undecided(Reason::NotNative),
    })
}

fn progression(
    graph: &mut Graph,
    parameter: &str,
    leaf: &Leaf,
    policy: Policy,
    budget: &mut Budget,
) -> Result<Progression, Stop> {
    let node = match &leaf.unit {
        Some(unit) => Node::Measured(Box::new(leaf.node.clone()), Box::new(unit.clone())),
        None => leaf.node.clone(),
    };
    let mut at = |value: i64, budget: &mut Budget| {
        let value = graph.integer(value)?;
        let mut builder = Builder::new(graph, policy, budget);
        builder.bind(parameter, value);
        builder.build(&node)
    };
    let (zero, one, two) = (at(0, budget)?, at(1, budget)?, at(2, budget)?);
    let (period, next) = (graph.minus(one, zero)?, graph.minus(two, one)?);
    let linear =
        matches!(identity::compare(graph, period, next, Known::default(), budget)?, Decision::Equal(_));
    if linear { Ok(Progression { offset: zero, period }) } else { Err(Stop::Beyond) }
}

fn same_progression(
    graph: &mut Graph,
    left: &Progression,
    right: &Progression,
    budget: &mut Budget,
) -> Result<bool, Stop> {
    let negative = graph.scaled(right.period, &RBig::NEG_ONE)?;
    let mut same_period = false;
    for period in [right.period, negative] {
        match identity::compare(graph, left.period, period, Known::default(), budget)? {
            Decision::Equal(_) => same_period = true,
            Decision::Different(_) => {}
            _ => return Err(Stop::Beyond),
        }
    }
    if !same_period {
        return Ok(false);
    }
    let gap = graph.minus(left.offset, right.offset)?;
    let steps = graph.over(gap, left.period)?;
    whole(graph, steps, budget)
}

/// Whether a constant is a whole number.
fn whole(graph: &mut Graph, id: Id, budget: &mut Budget) -> Result<bool, Stop> {
    if let Some(value) = graph.as_rational(id) {
        return Ok(value.is_int());
    }
    let value = identity::enclosed(graph, id, 128, budget)?.ok_or(Stop::Beyond)?;
    let (low, high) = value.re.ends(4096).ok_or(Stop::Beyond)?;
    let near: IBig = high.floor();
    if low > RBig::from(near.clone()) {
        return Ok(false);
    }
    let near = graph.rational(RBig::from(near))?;
    match identity::compare(graph, id, near, Known::default(), budget)? {
        Decision::Equal(_) => Ok(true),
        Decision::Different(_) => Ok(false),
        _ => Err(Stop::Beyond),
    }
}

/// Two congruences: the same modulus and the same residue; a missing name is free.
pub fn congruences(
    left: (&Option<Node>, &Leaf, &Leaf),
    right: (&Option<Node>, &Leaf, &Leaf),
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let number = |leaf: &Leaf| leaf.value.as_ref().ok().and_then(Ratio::rational).filter(RBig::is_int);
    if left.0.is_some() && right.0.is_some() && left.0 != right.0 {
        return Verdict::undecided(Reason::NameDiffers);
    }
    let numbers = (number(left.1), number(left.2), number(right.1), number(right.2));
    let (Some(left_rest), Some(left_modulus), Some(right_rest), Some(right_modulus)) = numbers else {
        let modulus = leaves::compare(left.2, right.2, policy, budget);
        let rest = leaves::compare(left.1, right.1, policy, budget);
        return if modulus.is_equal() && rest.is_equal() {
            rest
        } else {
            Verdict::undecided(Reason::NotNative)
        };
    };
    if left_modulus != right_modulus {
        return Verdict::different(Reason::ValueDiffers);
    }
    if left_modulus.is_zero() {
        return Verdict::undecided(Reason::UndefinedValue);
    }
    if ((left_rest - right_rest) / left_modulus).is_int() {
        Verdict::equal(Reason::SameValue)
    } else {
        Verdict::different(Reason::ValueDiffers)
    }
}

/// A time of day against a time or a ratio of hours and minutes. Those after twelve need no half of the day: `16:30`.
pub fn clocks((minutes, said): (u32, u32), other: &Value, policy: Policy) -> Verdict {
    let same = |same: bool| {
        if same { Verdict::equal(Reason::SameValue) } else { Verdict::different(Reason::ValueDiffers) }
    };
    match other {
        Value::Clock(other, _) => same(*other == minutes),
        Value::Leaf(leaf) => match hours_and_minutes(&leaf.node) {
            Some((hour @ (0 | 13..=23), minute)) => same(hour * 60 + minute == minutes),
            Some((hour, minute)) if policy.half_day_bare => same(hour * 60 + minute == said),
            _ => Verdict::undecided(Reason::KindDiffers),
        },
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

fn hours_and_minutes(node: &Node) -> Option<(u32, u32)> {
    let Node::Call(name, parts) = node else { return None };
    match parts.as_slice() {
        [Node::Number(hour), Node::Number(minute)] if name == "ratio" && minute.digits.len() == 2 => {
            let minute = minute.digits.parse().ok().filter(|minute| *minute < 60)?;
            Some((hour.digits.parse().ok()?, minute))
        }
        _ => None,
    }
}

/// A named point or count of choices against anything.
pub fn points(
    (name, coordinates, count): (&str, &[Value], Option<&Leaf>),
    other: &Value,
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let tuple = Value::Sequence('(', ')', coordinates.to_vec());
    match (other, count) {
        (Value::Point(other_name, other_coordinates, other_count), _) => {
            let counted = count.zip(other_count.as_deref());
            if let Some((left, right)) = counted
                && name != other_name
            {
                return leaves::compare(left, right, policy, budget);
            }
            let same = items::in_order(coordinates, other_coordinates, policy, budget);
            if name == other_name || same.kind == VerdictKind::Different {
                same
            } else {
                Verdict::undecided(Reason::NameDiffers)
            }
        }
        (Value::Leaf(leaf), Some(count)) => leaves::compare(count, leaf, policy, budget),
        (other, _) => items::compare(&tuple, other, policy, budget),
    }
}
