//! Answers that describe a set of reals: inequalities, intervals, unions, words such as "no solution".

use super::chart;
use super::region::{Point, Region};
use super::shape::{Leaf, Value};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::{Node, Relation};

/// The variable, where it is named, and the set.
pub type Described = (Option<String>, Region);

/// The set an answer describes; `(a,b)` and `[a,b]` are read as intervals, which only a set on the other side justifies.
pub fn region_of(value: &Value, budget: &mut Budget) -> Result<Described, Stop> {
    match value {
        Value::Region(name, region) => Ok((name.clone(), region.clone())),
        Value::Named(name, value) => match &**value {
            Value::Leaf(_) => Ok((Some(name.clone()), point(value, budget)?)),
            value => Ok((Some(name.clone()), region_of(value, budget)?.1)),
        },
        Value::Sequence('{', '}', items) => {
            let points = items.iter().try_fold(Region::empty(), |union, item| {
                let point = point(item, budget)?;
                union.union(&point, budget)
            })?;
            Ok((None, points))
        }
        Value::Sequence(open @ ('(' | '['), close @ (')' | ']'), items) => {
            Ok((None, interval(*open, *close, items, budget)?))
        }
        Value::List(parts) if parts.iter().all(|part| matches!(part, Value::Region(Some(_), _))) => {
            listed(parts, budget)
        }
        _ => Err(Stop::Beyond),
    }
}

/// `x<-2, x>2`: what holds for both where that is something, else what holds for one of them.
fn listed(parts: &[Value], budget: &mut Budget) -> Result<Described, Stop> {
    let all = joined("intersection", parts, budget)?;
    let any = joined("union", parts, budget)?;
    // One part inside another makes either reading unlikely.
    for part in parts {
        let (_, part) = region_of(part, budget)?;
        if part.is_same(&all.1, budget)? {
            return Err(Stop::Beyond);
        }
    }
    Ok(if all.1.is_empty() { any } else { all })
}

fn constant(value: &Value, budget: &mut Budget) -> Result<Point, Stop> {
    match value {
        Value::Leaf(leaf) => Point::new(leaf, budget).ok_or(Stop::Beyond),
        _ => Err(Stop::Beyond),
    }
}

fn point(value: &Value, budget: &mut Budget) -> Result<Region, Stop> {
    Ok(Region::cut(constant(value, budget)?, false, true, false))
}

fn interval(open: char, close: char, ends: &[Value], budget: &mut Budget) -> Result<Region, Stop> {
    let [low, high] = ends else { return Err(Stop::Beyond) };
    let above = match low {
        Value::Infinity { negative: true } if open == '(' => Region::reals(),
        low => Region::cut(constant(low, budget)?, false, open == '[', true),
    };
    let below = match high {
        Value::Infinity { negative: false } if close == ')' => Region::reals(),
        high => Region::cut(constant(high, budget)?, true, close == ']', false),
    };
    let region = above.intersection(&below, budget)?;
    // `(3,-4)` was a pair of numbers.
    if region.is_empty() { Err(Stop::Beyond) } else { Ok(region) }
}

/// `2 \le x < 5` and the like; every link must be linear in the same variable.
pub fn chain(sides: &[Leaf], relations: &[Relation], budget: &mut Budget) -> Result<Described, Stop> {
    let mut described: Option<Described> = None;
    for (pair, relation) in sides.windows(2).zip(relations) {
        let (name, region) = link(&pair[0], *relation, &pair[1], budget)?;
        described = Some(match described {
            None => (Some(name), region),
            Some((before, so_far)) if before.as_ref() == Some(&name) => {
                (before, so_far.intersection(&region, budget)?)
            }
            Some(_) => return Err(Stop::Beyond),
        });
    }
    // `5 < x < 3` is a slip, and two slips are not the same answer.
    described.filter(|(_, region)| !region.is_empty()).ok_or(Stop::Beyond)
}

fn link(
    left: &Leaf,
    relation: Relation,
    right: &Leaf,
    budget: &mut Budget,
) -> Result<(String, Region), Stop> {
    let plain = |leaf: &Leaf| leaf.unit.is_none() && !leaf.percent;
    if !plain(left) || !plain(right) {
        return Err(Stop::Beyond);
    }
    let function = Node::Sum(vec![left.node.clone(), Node::Negative(Box::new(right.node.clone()))]);
    let name = chart::variable(&function).ok_or(Stop::Beyond)?;
    // Equations are not solved, unless they say what the variable is.
    if relation == Relation::Equal && !chart::is_linear(&function, &name, budget)? {
        return Err(Stop::Beyond);
    }
    let region = chart::region(&function, &name, relation, budget)?;
    Ok((name, region))
}

/// Joins the parts of `\cup`, `\cap`, `\setminus`, "or" and "and"; the variable is the one that any part names.
pub fn joined(operation: &str, parts: &[Value], budget: &mut Budget) -> Result<Described, Stop> {
    let mut parts = parts.iter();
    let (mut name, mut region) = region_of(parts.next().ok_or(Stop::Beyond)?, budget)?;
    for part in parts {
        let (part_name, part) = region_of(part, budget)?;
        if name.is_some() && part_name.is_some() && name != part_name {
            return Err(Stop::Beyond);
        }
        name = name.or(part_name);
        region = match operation {
            "union" | "or" => region.union(&part, budget)?,
            "intersection" | "and" => region.intersection(&part, budget)?,
            "without" => region.without(&part, budget)?,
            _ => return Err(Stop::Beyond),
        };
    }
    // "x < 1 and x > 3" lists two parts more often than it means nothing.
    if operation == "and" && region.is_empty() { Err(Stop::Beyond) } else { Ok((name, region)) }
}

/// What words say about a set of solutions.
pub fn in_words(text: &str) -> Option<Value> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !matches!(*word, "" | "a" | "an" | "the" | "there" | "is" | "are"))
        .collect();
    match words.join(" ").as_str() {
        "no solution"
        | "no solutions"
        | "no real solution"
        | "no real solutions"
        | "none"
        | "dne"
        | "does not exist"
        | "do not exist"
        | "no solution exists"
        | "no solutions exist"
        | "empty set"
        | "null set"
        | "no such number exists"
        | "no such numbers exist" => Some(Value::Sequence('{', '}', Vec::new())),
        "all real numbers"
        | "all reals"
        | "real numbers"
        | "set of all real numbers"
        | "set of real numbers" => Some(Value::Region(None, Region::reals())),
        _ => None,
    }
}
