//! Forms with a shape of their own: times of day, congruences, named points, families over the integers, sets without others.

use super::chart::substituted;
use super::evaluate::evaluate;
use super::shape::{Leaf, Value, leaf, shape};
use crate::answer::limits::Budget;
use crate::answer::names::count_in_words;
use crate::answer::tree::{Constant, Node, Relation};
use compact_str::CompactString;

/// A time, a congruence or a point from the call that the parser made of it.
pub fn named(name: CompactString, mut parts: Vec<Node>, budget: &mut Budget) -> Value {
    match (name.as_str(), parts.as_slice()) {
        ("clock", [Node::Number(minutes), Node::Number(said)]) => {
            let number = |digits: &str| digits.parse().unwrap_or_default();
            Value::Clock(number(&minutes.digits), number(&said.digits))
        }
        ("congruence", [left, right, modulus]) => {
            let name = (*left != Node::Text(String::new())).then(|| left.clone());
            let (right, modulus) = (leaf(right.clone(), budget), leaf(modulus.clone(), budget));
            Value::Congruence(name, Box::new(right), Box::new(modulus))
        }
        _ => {
            let function = match (name.as_str(), parts.len()) {
                ("P" | "A", 2) => Some("permutation"),
                ("C", 2) => Some("binomial"),
                _ => None,
            };
            let counts = function
                .filter(|_| parts.iter().all(is_count))
                .map(|function| Box::new(leaf(Node::Call(function.into(), parts.clone()), budget)));
            let items = parts.drain(..).map(|part| shape(part, budget)).collect();
            Value::Point(name.into_string(), items, counts)
        }
    }
}

fn is_count(node: &Node) -> bool {
    match node {
        Node::Number(literal) => literal.is_plain_integer(),
        Node::Symbol(_) => true,
        Node::Sum(items) => items.iter().all(is_count),
        Node::Negative(inner) => is_count(inner),
        _ => false,
    }
}

/// `k \in \mathbb{Z}`, or several letters in it.
pub fn declares_integer(node: &Node) -> bool {
    declared(node).is_some()
}

fn declared(node: &Node) -> Option<&str> {
    match node {
        Node::Chain(sides, relations) if relations == &[Relation::In] => match sides.as_slice() {
            [Node::Symbol(name), Node::Call(set, _)] if set == "integers" => Some(name),
            _ => None,
        },
        Node::Bracketed('(', ')', items) if items.len() == 1 => declared(&items[0]),
        _ => None,
    }
}

/// Values with a parameter that some item declares to be an integer.
pub fn family(items: &[Node], budget: &mut Budget) -> Option<Value> {
    let parameter = items.iter().find_map(declared)?.to_owned();
    let mut members = Vec::new();
    for item in items.iter().filter(|item| declared(item).is_none()) {
        members.extend(super::shape::members(item.clone(), budget)?);
    }
    (!members.is_empty()).then_some(Value::Family(parameter, members))
}

/// `\mathbb{R} - \{2\}` is written with a minus sign.
pub fn is_difference_of_sets(terms: &[Node]) -> bool {
    let is_set = |node: &Node| match node {
        Node::Call(name, _) => matches!(name.as_str(), "reals" | "union"),
        Node::Bracketed('{', '}', _) => true,
        _ => false,
    };
    match terms {
        [set, Node::Negative(other)] => is_set(set) && is_set(other),
        _ => false,
    }
}

/// The first set without the second.
pub fn difference_of_sets(terms: Vec<Node>, budget: &mut Budget) -> Value {
    let parts = terms
        .into_iter()
        .map(|term| match term {
            Node::Negative(inner) => *inner,
            term => term,
        })
        .collect();
    shape(Node::Call("without".into(), parts), budget)
}

/// `f(t) = ...` in a list as `f(x) = ...`, so that its name may be dropped.
pub fn of_x(value: Value) -> Value {
    let Value::Named(name, of) = &value else { return value };
    let Some((function, argument)) = name.strip_suffix(")").and_then(|name| name.split_once('(')) else {
        return value;
    };
    if argument == "x" || argument.contains(',') || function.is_empty() {
        return value;
    }
    let Value::Leaf(leaf) = &**of else { return value };
    let mut names = Vec::new();
    leaf.node.symbols(&mut names);
    if names.contains(&"x") {
        return value;
    }
    let node = substituted(&leaf.node, argument, &Node::Symbol("x".into()));
    let renamed = Leaf { value: evaluate(&node, &mut Budget::reading()), node, ..(**leaf).clone() };
    Value::Named(format!("{function}(x)"), Box::new(Value::Leaf(Box::new(renamed))))
}

/// Leaves of a value that is one number, a list of them, or either with a name.
pub fn leaves_of(value: Value) -> Option<Vec<Leaf>> {
    match value {
        Value::Leaf(leaf) => Some(vec![*leaf]),
        Value::Named(_, value) => leaves_of(*value),
        Value::List(items) => {
            let leaves: Option<Vec<Vec<Leaf>>> = items.into_iter().map(leaves_of).collect();
            leaves.map(|leaves| leaves.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// `two` is 2, `all integers` is the set.
pub fn in_words(text: &str) -> Option<Node> {
    let lower = text.trim().to_lowercase();
    if let Some(value) = count_in_words(&lower) {
        return Some(Node::number(value));
    }
    let infinity = || Node::Constant(Constant::Infinity);
    match lower.as_str() {
        "infinity" | "positive infinity" => return Some(infinity()),
        "negative infinity" | "minus infinity" => return Some(Node::Negative(Box::new(infinity()))),
        _ => {}
    }
    let set = ["the set of ", "set of ", "all ", "the "]
        .iter()
        .fold(lower.as_str(), |rest, filler| rest.strip_prefix(filler).unwrap_or(rest));
    let name = match set {
        "integers" => "integers",
        "natural numbers" => "naturals",
        "rational numbers" | "rationals" => "rationals",
        "complex numbers" => "complexes",
        _ => return None,
    };
    Some(Node::Call(name.into(), Vec::new()))
}
