//! Answers that describe a set of reals: inequalities, intervals, unions, words such as "no solution".

use super::polynomial::{Atom, Monomial, Polynomial};
use super::ratio::Ratio;
use super::region::{Point, Region};
use super::shape::{Leaf, Value};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::{Node, Relation};
use dashu_ratio::RBig;

/// The variable, where it is named, and the set.
pub type Described = (Option<String>, Region);

/// The set an answer describes; `(a,b)` and `[a,b]` are read as intervals, which only a set on the other side justifies.
pub fn region_of(value: &Value, budget: &mut Budget) -> Result<Described, Stop> {
    match value {
        Value::Region(name, region) => Ok((name.clone(), region.clone())),
        Value::Named(name, value) => match &**value {
            Value::Leaf(_) => Ok((Some(name.clone()), point(value)?)),
            value => Ok((Some(name.clone()), region_of(value, budget)?.1)),
        },
        Value::Sequence('{', '}', items) => {
            let points =
                items.iter().try_fold(Region::empty(), |union, item| union.union(&point(item)?, budget))?;
            Ok((None, points))
        }
        Value::Sequence(open @ ('(' | '['), close @ (')' | ']'), items) => {
            Ok((None, interval(*open, *close, items, budget)?))
        }
        _ => Err(Stop::Beyond),
    }
}

fn constant(value: &Value) -> Result<Point, Stop> {
    match value {
        Value::Leaf(leaf) if leaf.unit.is_none() && !leaf.percent => {
            Point::new(leaf.value.clone()?).ok_or(Stop::Beyond)
        }
        _ => Err(Stop::Beyond),
    }
}

fn point(value: &Value) -> Result<Region, Stop> {
    Ok(Region::cut(constant(value)?, false, true, false))
}

fn interval(open: char, close: char, ends: &[Value], budget: &mut Budget) -> Result<Region, Stop> {
    let [low, high] = ends else { return Err(Stop::Beyond) };
    let above = match low {
        Value::Infinity { negative: true } if open == '(' => Region::reals(),
        low => Region::cut(constant(low)?, false, open == '[', true),
    };
    let below = match high {
        Value::Infinity { negative: false } if close == ')' => Region::reals(),
        high => Region::cut(constant(high)?, true, close == ']', false),
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
    let (bound, relation, inside) = match (absolute(&left.node), absolute(&right.node)) {
        (None, None) => {
            return half_line(left.value.as_ref(), relation, right.value.as_ref(), budget);
        }
        (Some(inside), None) => (&right.value, relation, inside),
        (None, Some(inside)) => (&left.value, relation.reversed().ok_or(Stop::Beyond)?, inside),
        (Some(_), Some(_)) => return Err(Stop::Beyond),
    };
    // |u| < c is u < c and -u < c; |u| > c is u > c or -u > c.
    let inside = super::evaluate(inside, budget)?;
    let (name, one) = half_line(Ok(&inside), relation, bound.as_ref(), budget)?;
    let (_, other) = half_line(Ok(&inside.negated()), relation, bound.as_ref(), budget)?;
    let region = match relation {
        Relation::Less | Relation::LessEqual => one.intersection(&other, budget)?,
        Relation::Greater | Relation::GreaterEqual => one.union(&other, budget)?,
        _ => return Err(Stop::Beyond),
    };
    Ok((name, region))
}

fn absolute(node: &Node) -> Option<&Node> {
    match node {
        Node::Call(name, arguments) if name == "abs" && arguments.len() == 1 => arguments.first(),
        _ => None,
    }
}

/// The set where a relation linear in one variable holds.
fn half_line(
    left: Result<&Ratio, &Stop>,
    relation: Relation,
    right: Result<&Ratio, &Stop>,
    budget: &mut Budget,
) -> Result<(String, Region), Stop> {
    let (left, right) = (left.map_err(|stop| *stop)?, right.map_err(|stop| *stop)?);
    // With a denominator the sign of the difference would be lost.
    let mut difference = left.polynomial().ok_or(Stop::Beyond)?.clone();
    difference.add(&right.polynomial().ok_or(Stop::Beyond)?.clone().negated(), budget)?;
    let (name, slope, rest) = linear(&difference, budget)?;
    let rising = Point::new(slope.clone().into()).and_then(|slope| slope.sign()).ok_or(Stop::Beyond)?;
    let root = Ratio::from(rest.negated()).times(&Ratio::from(slope).inverse(budget)?, budget)?;
    let (below, at, above) = match relation {
        Relation::Less => (true, false, false),
        Relation::LessEqual => (true, true, false),
        Relation::Greater => (false, false, true),
        Relation::GreaterEqual => (false, true, true),
        Relation::Equal => (false, true, false),
        Relation::NotEqual => (true, false, true),
        Relation::In | Relation::NotIn | Relation::Approximately => return Err(Stop::Beyond),
    };
    let (below, above) = if rising { (below, above) } else { (above, below) };
    Ok((name, Region::cut(Point::new(root).ok_or(Stop::Beyond)?, below, at, above)))
}

/// `slope * variable + rest`.
fn linear(polynomial: &Polynomial, budget: &mut Budget) -> Result<(String, Polynomial, Polynomial), Stop> {
    let mut name: Option<&str> = None;
    let (mut slope, mut rest) = (Polynomial::default(), Polynomial::default());
    for (monomial, value) in polynomial.terms() {
        let mut powers = monomial.powers.clone();
        let symbol = powers.iter().position(|(atom, _)| matches!(atom, Atom::Symbol(_)));
        let into = match symbol {
            None => &mut rest,
            Some(at) => {
                powers.remove(at);
                let (Atom::Symbol(symbol), 1) = &monomial.powers[at] else { return Err(Stop::Beyond) };
                if name.is_some_and(|name| name != symbol) {
                    return Err(Stop::Beyond);
                }
                name = Some(symbol);
                &mut slope
            }
        };
        let monomial = Monomial { radicand: monomial.radicand.clone(), powers };
        into.add(&Polynomial::term(monomial, RBig::clone(value)), budget)?;
    }
    Ok((name.ok_or(Stop::Beyond)?.to_owned(), slope, rest))
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
