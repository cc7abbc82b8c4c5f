//! Where a function of one variable is positive, zero or negative: its sign on every piece between its zeros and poles.

use super::constants::{between, order, sign_at};
use super::evaluate::evaluate;
use super::ratio::Ratio;
use super::region::{Point, Region};
use super::roots::{coefficients, constant, linear, rational, real_roots};
use crate::answer::compare::Policy;
use crate::answer::identity::{Builder, Decision, Graph, Known, compare};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::{Node, Relation};
use dashu_ratio::RBig;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Absolute values of one function.
const MAX_BARS: usize = 3;
/// Zeros and poles of one function.
const MAX_POINTS: usize = 24;

/// The only variable of a tree.
pub fn variable(node: &Node) -> Option<String> {
    let mut names = BTreeSet::new();
    symbols(node, &mut names);
    let mut names = names.into_iter();
    names.next().filter(|_| names.next().is_none())
}

fn symbols(node: &Node, names: &mut BTreeSet<String>) {
    match node {
        Node::Symbol(name) => {
            names.insert(name.to_string());
        }
        Node::Negative(inner) | Node::Percent(inner) | Node::Measured(inner, _) => symbols(inner, names),
        Node::Sum(items) | Node::Product(items) | Node::Call(_, items) => {
            for item in items {
                symbols(item, names);
            }
        }
        Node::Quotient(left, right) | Node::Power(left, right) | Node::Root(left, right) => {
            symbols(left, names);
            symbols(right, names);
        }
        _ => {}
    }
}

/// Whether a function has the form `a x + b`.
pub fn is_linear(function: &Node, name: &str, budget: &mut Budget) -> Result<bool, Stop> {
    let value = evaluate(function, budget)?;
    if let (Some(top), Some(bottom)) = value.parts()
        && let Some(top) = coefficients(&top, name)
    {
        return Ok(top.len() == 2 && coefficients(&bottom, name).is_some_and(|bottom| bottom.len() == 1));
    }
    if value.polynomial().is_some_and(|polynomial| linear(polynomial, name).is_some()) {
        return Ok(true);
    }
    let at = |value: i64| substituted(function, name, &rational(&RBig::from(value)));
    let twice = Node::Product(vec![rational(&RBig::from(2)), at(0)]);
    Ok(order(&Node::Sum(vec![at(1), at(-1)]), &twice, budget)? == Ordering::Equal
        && by_values(function, name, budget)?.len() == 1)
}

/// The set where `function relation 0` holds.
pub fn region(function: &Node, name: &str, relation: Relation, budget: &mut Budget) -> Result<Region, Stop> {
    let mut points = critical(function, name, 0, budget)?;
    if points.len() > MAX_POINTS {
        return Err(Stop::Limit);
    }
    let mut failed = None;
    points.sort_by(|left, right| {
        order(left, right, budget).unwrap_or_else(|stop| {
            failed = Some(stop);
            Ordering::Equal
        })
    });
    if let Some(stop) = failed {
        return Err(stop);
    }
    let mut distinct: Vec<Node> = Vec::new();
    for point in points {
        let again = match distinct.last() {
            Some(last) => order(last, &point, budget)? == Ordering::Equal,
            None => false,
        };
        if !again {
            distinct.push(point);
        }
    }
    let holds = |sign: Option<Ordering>| match (relation, sign) {
        (_, None) => Ok(false),
        (Relation::Less, Some(sign)) => Ok(sign.is_lt()),
        (Relation::LessEqual, Some(sign)) => Ok(sign.is_le()),
        (Relation::Greater, Some(sign)) => Ok(sign.is_gt()),
        (Relation::GreaterEqual, Some(sign)) => Ok(sign.is_ge()),
        (Relation::Equal, Some(sign)) => Ok(sign.is_eq()),
        (Relation::NotEqual, Some(sign)) => Ok(sign.is_ne()),
        _ => Err(Stop::Beyond),
    };
    let mut cells = Vec::new();
    for at in 0..=distinct.len() {
        let inside = between(at.checked_sub(1).map(|before| &distinct[before]), distinct.get(at), budget)?;
        cells.push(holds(sign_at(function, name, &rational(&inside), budget)?)?);
        if let Some(point) = distinct.get(at) {
            cells.push(holds(sign_at(function, name, point, budget)?)?);
        }
    }
    let points = distinct.into_iter().map(|node| Point::of_node(node, budget)).collect::<Option<Vec<_>>>();
    Ok(Region::pieces(points.ok_or(Stop::Beyond)?, &cells))
}

/// Every real zero and pole, some of them perhaps more than once, and perhaps points that are neither.
fn critical(function: &Node, name: &str, bars: usize, budget: &mut Budget) -> Result<Vec<Node>, Stop> {
    if let Some(inside) = first_bars(function) {
        if bars >= MAX_BARS {
            return Err(Stop::Limit);
        }
        let mut points = critical(&inside, name, bars + 1, budget).or_else(|stop| match stop {
            // |constant|
            Stop::Undefined => Ok(Vec::new()),
            stop => Err(stop),
        })?;
        for replacement in [inside.clone(), Node::Negative(Box::new(inside.clone()))] {
            let opened = without_bars(function, &inside, &replacement);
            match critical(&opened, name, bars + 1, budget) {
                Ok(more) => points.extend(more),
                // Zero on a whole piece: its ends are where the bars turn.
                Err(Stop::Undefined) => {}
                Err(stop) => return Err(stop),
            }
        }
        return Ok(points);
    }
    let value = evaluate(function, budget);
    if let Ok(value) = &value
        && let (Some(top), Some(bottom)) = value.parts()
        && let (Some(top), Some(bottom)) = (coefficients(&top, name), coefficients(&bottom, name))
    {
        let mut points = real_roots(&top, budget)?;
        points.extend(real_roots(&bottom, budget)?);
        points.extend(poles(function, name, budget)?);
        return Ok(points);
    }
    if let Ok(value) = &value
        && let Some((slope, rest)) = value.polynomial().and_then(|polynomial| linear(polynomial, name))
    {
        let root = Ratio::from(rest.negated()).times(&Ratio::from(slope).inverse(budget)?, budget)?;
        if let Some(root) = root.polynomial().and_then(constant) {
            return Ok(vec![root]);
        }
    }
    by_values(function, name, budget)
}

/// Poles that cancel in lowest terms: zeros of every divisor that is written.
fn poles(function: &Node, name: &str, budget: &mut Budget) -> Result<Vec<Node>, Stop> {
    let mut divisors = Vec::new();
    collect_divisors(function, &mut divisors);
    let mut points = Vec::new();
    for divisor in divisors {
        let value = evaluate(&divisor, budget)?;
        let (Some(top), Some(bottom)) = value.parts() else { return Err(Stop::Beyond) };
        let (top, bottom) = (coefficients(&top, name), coefficients(&bottom, name));
        points.extend(real_roots(&top.ok_or(Stop::Beyond)?, budget)?);
        points.extend(real_roots(&bottom.ok_or(Stop::Beyond)?, budget)?);
    }
    Ok(points)
}

fn collect_divisors(node: &Node, found: &mut Vec<Node>) {
    match node {
        Node::Quotient(top, bottom) => {
            found.push((**bottom).clone());
            collect_divisors(top, found);
            collect_divisors(bottom, found);
        }
        Node::Power(base, exponent) => {
            if matches!(**exponent, Node::Negative(_)) {
                found.push((**base).clone());
            }
            collect_divisors(base, found);
        }
        Node::Negative(inner) | Node::Percent(inner) => collect_divisors(inner, found),
        Node::Sum(items) | Node::Product(items) => {
            for item in items {
                collect_divisors(item, found);
            }
        }
        _ => {}
    }
}

fn first_bars(node: &Node) -> Option<Node> {
    match node {
        Node::Call(name, arguments) if name == "abs" && arguments.len() == 1 => Some(arguments[0].clone()),
        Node::Negative(inner) => first_bars(inner),
        Node::Sum(items) | Node::Product(items) => items.iter().find_map(first_bars),
        Node::Quotient(left, right) | Node::Power(left, right) => {
            first_bars(left).or_else(|| first_bars(right))
        }
        _ => None,
    }
}

fn without_bars(node: &Node, inside: &Node, by: &Node) -> Node {
    let walk = |node: &Node| Box::new(without_bars(node, inside, by));
    let all = |items: &[Node]| items.iter().map(|item| without_bars(item, inside, by)).collect();
    match node {
        Node::Call(name, arguments) if name == "abs" && arguments.first() == Some(inside) => by.clone(),
        Node::Negative(inner) => Node::Negative(walk(inner)),
        Node::Sum(items) => Node::Sum(all(items)),
        Node::Product(items) => Node::Product(all(items)),
        Node::Quotient(left, right) => Node::Quotient(walk(left), walk(right)),
        Node::Power(left, right) => Node::Power(walk(left), walk(right)),
        node => node.clone(),
    }
}

/// A polynomial of degree 1 or 2 with any constants, by its values at whole numbers.
fn by_values(function: &Node, name: &str, budget: &mut Budget) -> Result<Vec<Node>, Stop> {
    let at = |value: i64| substituted(function, name, &rational(&RBig::from(value)));
    let (zero, one, other, two) = (at(0), at(1), at(-1), at(2));
    let half = |node: Node| Node::Quotient(Box::new(node), Box::new(rational(&RBig::from(2))));
    let minus =
        |left: &Node, right: &Node| Node::Sum(vec![left.clone(), Node::Negative(Box::new(right.clone()))]);
    let slope = half(minus(&one, &other));
    let twice_zero = Node::Product(vec![rational(&RBig::from(2)), zero.clone()]);
    let bend = half(minus(&Node::Sum(vec![one, other]), &twice_zero));
    let four = Node::Product(vec![rational(&RBig::from(4)), bend.clone()]);
    let expected =
        Node::Sum(vec![zero.clone(), Node::Product(vec![rational(&RBig::from(2)), slope.clone()]), four]);
    // The function is this polynomial, not only equal to it at four points.
    let variable = Node::Symbol(name.into());
    let square = Node::Product(vec![variable.clone(), variable.clone()]);
    let polynomial = Node::Sum(vec![
        Node::Product(vec![bend.clone(), square]),
        Node::Product(vec![slope.clone(), variable]),
        zero.clone(),
    ]);
    if order(&expected, &two, budget)? != Ordering::Equal || !same(&polynomial, function, budget)? {
        return Err(Stop::Beyond);
    }
    let nought = rational(&RBig::ZERO);
    if order(&bend, &nought, budget)? == Ordering::Equal {
        if order(&slope, &nought, budget)? == Ordering::Equal {
            return if order(&zero, &nought, budget)? == Ordering::Equal {
                Err(Stop::Undefined)
            } else {
                Ok(Vec::new())
            };
        }
        return Ok(vec![Node::Negative(Box::new(Node::Quotient(Box::new(zero), Box::new(slope))))]);
    }
    let product = Node::Product(vec![rational(&RBig::from(4)), bend.clone(), zero]);
    let discriminant = minus(&Node::Product(vec![slope.clone(), slope.clone()]), &product);
    if order(&discriminant, &nought, budget)? == Ordering::Less {
        return Ok(Vec::new());
    }
    let root = Node::Root(Box::new(discriminant), Box::new(rational(&RBig::from(2))));
    let bottom = Node::Product(vec![rational(&RBig::from(2)), bend]);
    let solution = |root: Node| {
        let top = Node::Sum(vec![Node::Negative(Box::new(slope.clone())), root]);
        Node::Quotient(Box::new(top), Box::new(bottom.clone()))
    };
    Ok(vec![solution(root.clone()), solution(Node::Negative(Box::new(root)))])
}

fn same(left: &Node, right: &Node, budget: &mut Budget) -> Result<bool, Stop> {
    let mut graph = Graph::default();
    let mut builder = Builder::new(&mut graph, Policy::default(), budget);
    let (left, right) = (builder.build(left)?, builder.build(right)?);
    Ok(matches!(compare(&mut graph, left, right, Known::default(), budget)?, Decision::Equal(_)))
}

/// With an expression in place of a variable.
pub fn substituted(node: &Node, name: &str, by: &Node) -> Node {
    let walk = |node: &Node| Box::new(substituted(node, name, by));
    let all = |items: &[Node]| items.iter().map(|item| substituted(item, name, by)).collect();
    match node {
        Node::Symbol(symbol) if symbol == name => by.clone(),
        Node::Negative(inner) => Node::Negative(walk(inner)),
        Node::Percent(inner) => Node::Percent(walk(inner)),
        Node::Sum(items) => Node::Sum(all(items)),
        Node::Product(items) => Node::Product(all(items)),
        Node::Call(function, items) => Node::Call(function.clone(), all(items)),
        Node::Quotient(left, right) => Node::Quotient(walk(left), walk(right)),
        Node::Power(left, right) => Node::Power(walk(left), walk(right)),
        Node::Root(left, right) => Node::Root(walk(left), walk(right)),
        node => node.clone(),
    }
}
