//! The outer form of an answer: one value, a sequence in brackets, a free list, a named value, a relation, text.

use super::ellipsis;
use super::evaluate::evaluate;
use super::forms;
use super::inequality;
use super::literal::Printed;
use super::matrix;
use super::pieces::{self, Piece};
use super::ratio::Ratio;
use super::region::Region;
use super::vectors;
use crate::answer::limits::{Budget, MAX_DIGITS, Stop};
use crate::answer::names::is_greek;
use crate::answer::parse::{derivative_name, is_group, is_segment};
use crate::answer::tree::{Constant, Node, Relation};
use crate::answer::units::Unit;
use compact_str::CompactString;
use dashu_int::UBig;
use dashu_ratio::RBig;

/// One value with what was printed around it.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The exact value without unit and percent sign.
    pub value: Result<Ratio, Stop>,
    /// Where the value came from, for enclosures.
    pub node: Node,
    /// Set for a decimal literal.
    pub printed: Option<Printed>,
    /// A unit, if one was given.
    pub unit: Option<Unit>,
    /// A percent sign was given; `value` is the number before it.
    pub percent: bool,
}

impl Leaf {
    /// The value, if it is rational.
    pub fn rational(&self) -> Option<RBig> {
        self.value.as_ref().ok().and_then(Ratio::rational)
    }
}

/// An integer written in a stated base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Based {
    /// 2 to 36.
    pub base: u32,
    /// What the digits mean in that base.
    pub value: RBig,
    /// What the digits mean in base ten; None with letters among them.
    pub digits: Option<RBig>,
}

impl Based {
    fn new(digits: &Node, base: &Node) -> Option<Self> {
        let (Node::Number(digits), Node::Number(base)) = (digits, base) else { return None };
        let base = base.digits.parse().ok().filter(|base| (2..=36).contains(base))?;
        if digits.digits.len() > MAX_DIGITS {
            return None;
        }
        let value = UBig::from_str_radix(&digits.digits, base).ok()?;
        Some(Self { base, value: value.into(), digits: digits.rational().ok() })
    }
}

/// An answer, read.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number or an expression.
    Leaf(Box<Leaf>),
    /// Plus or minus infinity.
    Infinity {
        /// True for minus infinity.
        negative: bool,
    },
    /// Tuple, interval, set or vector: brackets as written.
    Sequence(char, char, Vec<Value>),
    /// Values without brackets, in any order.
    List(Vec<Value>),
    /// `x = value`, `f(x) = value`, `x \in value`.
    Named(String, Box<Value>),
    /// Any other relation.
    Chain(Vec<Leaf>, Vec<Relation>),
    /// A set of reals, and its variable where that is named.
    Region(Option<String>, Region),
    /// Cells in row order.
    Matrix(Vec<Vec<Value>>),
    /// An integer with its base.
    Based(Based),
    /// A time of day: minutes after midnight, and as said without its half.
    Clock(u32, u32),
    /// What is left by a modulus, and of what.
    Congruence(Option<Node>, Box<Leaf>, Box<Leaf>),
    /// A point or a function by its name, as in `P(1,2)`; the value where the name counts choices.
    Point(String, Vec<Value>, Option<Box<Leaf>>),
    /// Values for every integer that the parameter may be.
    Family(String, Vec<Leaf>),
    /// A function given piece by piece.
    Pieces(Vec<Piece>),
    /// Words.
    Text(String),
    /// Readable, with no form of its own here.
    Other(Node),
}

impl Value {
    /// The form in a word or two.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Leaf(leaf) => match &leaf.value {
                Ok(value) if value.rational().is_some() => "rational number",
                Ok(_) => "expression",
                Err(Stop::Undefined) => "undefined value",
                Err(_) => "expression beyond exact forms",
            },
            Self::Infinity { .. } => "infinity",
            Self::Sequence('{', ..) => "set",
            Self::Sequence('(' | '<', ..) => "tuple or interval",
            Self::Sequence(..) => "items in brackets",
            Self::List(_) => "list",
            Self::Named(..) => "named value",
            Self::Chain(..) => "relation",
            Self::Region(..) => "set of reals",
            Self::Matrix(_) => "matrix",
            Self::Based(_) => "number in a base",
            Self::Clock(..) => "time of day",
            Self::Congruence(..) => "congruence",
            Self::Point(..) => "named point",
            Self::Family(..) => "family over the integers",
            Self::Pieces(_) => "function in pieces",
            Self::Text(_) => "text",
            Self::Other(_) => "other mathematics",
        }
    }
}

/// Gives a tree its outer form.
pub fn shape(node: Node, budget: &mut Budget) -> Value {
    if let Some(rows) = matrix::rows(&node) {
        let row = |row: Vec<Node>| row.into_iter().map(|cell| shape(cell, budget)).collect();
        return Value::Matrix(rows.into_iter().map(row).collect());
    }
    match node {
        Node::List(items) => list(items, budget),
        // `(\pm 1, 0)` is two points.
        Node::Bracketed('(', ')', items) if items.iter().map(count_plus_minus).sum::<usize>() == 1 => {
            let point = |minus| {
                let items = items.iter().map(|item| signed(item.clone(), minus)).collect();
                shape(Node::Bracketed('(', ')', items), budget)
            };
            Value::List([false, true].map(point).into())
        }
        Node::Bracketed(open, close, items) => {
            let items = ellipsis::filled(items).into_iter().map(|item| shape(item, budget));
            let items = items.flat_map(|item| match item {
                // `\{\pm 3\}` has two members.
                Value::List(members) if open == '{' => members,
                item => vec![item],
            });
            Value::Sequence(open, close, items.collect())
        }
        Node::Chain(sides, relations) => chain(sides, relations, budget),
        Node::Text(text) => match forms::in_words(&text) {
            Some(node) => shape(node, budget),
            None => inequality::in_words(&text).unwrap_or(Value::Text(text)),
        },
        Node::Call(name, parts) if name == "piecewise" => pieces::pieces(parts, budget),
        Node::Call(name, parts) if parts.is_empty() && STANDING_ALONE.contains(&name.as_str()) => {
            Value::Other(Node::Call(name, parts))
        }
        Node::Power(base, exponent) if vectors::is_transposed(&base, &exponent) => match shape(*base, budget)
        {
            Value::Matrix(rows) => Value::Matrix(vectors::transposed(rows)),
            vector => vector,
        },
        Node::Call(name, items) if SET_OPERATIONS.contains(&name.as_str()) => {
            set_operation(name, items, budget)
        }
        Node::Constant(Constant::Infinity) => Value::Infinity { negative: false },
        Node::Negative(inner) if *inner == Node::Constant(Constant::Infinity) => {
            Value::Infinity { negative: true }
        }
        Node::Call(name, parts) if name == "ratio" && parts.len() > 2 => proportion(parts, budget),
        Node::Call(name, parts) if name == "clock" || name == "congruence" || is_point(&name, &parts) => {
            forms::named(name, parts, budget)
        }
        Node::Product(mut factors) if factors.last().is_some_and(forms::declares_integer) => {
            // `2k\pi (k\in\mathbb{Z})`
            let declaration = factors.pop();
            let value = if factors.len() == 1 { factors.swap_remove(0) } else { Node::Product(factors) };
            shape(Node::List([value].into_iter().chain(declaration).collect()), budget)
        }
        node if is_group(&node) => Value::Other(node),
        Node::Sum(terms) if forms::is_difference_of_sets(&terms) => forms::difference_of_sets(terms, budget),
        Node::Call(name, arguments) if name == "base" => match arguments.as_slice() {
            [digits, base] => Based::new(digits, base).map(Value::Based),
            _ => None,
        }
        .unwrap_or(Value::Other(Node::Call(name, arguments))),
        node => both_signs(node, budget),
    }
}

fn is_point(name: &str, parts: &[Node]) -> bool {
    parts.len() > 1 && name.len() == 1 && name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// What an ellipsis leaves out, and the sets with a letter of their own, but for the reals.
const STANDING_ALONE: [&str; 5] = ["dots", "integers", "naturals", "rationals", "complexes"];

/// `2:3:5` by its parts over the first one.
fn proportion(parts: Vec<Node>, budget: &mut Budget) -> Value {
    let first = parts[0].clone();
    let over_first = |part| shape(Node::Quotient(Box::new(part), Box::new(first.clone())), budget);
    Value::Sequence(':', ':', parts.into_iter().map(over_first).collect())
}

/// The operations on sets that the parser knows, as it names them; "or" and "and" stand between relations.
const SET_OPERATIONS: [&str; 6] = ["reals", "union", "intersection", "without", "or", "and"];

fn set_operation(name: CompactString, items: Vec<Node>, budget: &mut Budget) -> Value {
    if name == "reals" {
        return Value::Region(None, Region::reals());
    }
    let connective = matches!(name.as_str(), "or" | "and");
    let parts: Vec<_> = items.iter().map(|item| shape(item.clone(), budget)).collect();
    match inequality::joined(&name, &parts, budget) {
        Ok((name, region)) => Value::Region(name, region),
        Err(_) if connective && !parts.iter().all(|part| matches!(part, Value::Region(..))) => {
            list(items, budget)
        }
        Err(_) => Value::Other(Node::Call(name, items)),
    }
}

/// Items; one name for all, as in `x=1 or x=2` and `x=1, 2`, is dropped.
fn list(items: Vec<Node>, budget: &mut Budget) -> Value {
    if let Some(family) = forms::family(&items, budget) {
        return family;
    }
    let mut values = Vec::with_capacity(items.len());
    for item in ellipsis::filled(items) {
        match shape(item, budget) {
            Value::List(inner) => values.extend(inner),
            value => values.push(value),
        }
    }
    let values: Vec<Value> = values.into_iter().map(forms::of_x).collect();
    let first_name = match values.first() {
        Some(Value::Named(name, _)) => name.clone(),
        _ => return Value::List(values),
    };
    let named = values.iter().filter(|value| matches!(value, Value::Named(..))).count();
    let same = values.iter().all(|value| !matches!(value, Value::Named(name, _) if *name != first_name));
    if same && (named == 1 || named == values.len()) {
        let bare = |value| match value {
            Value::Named(_, value) => *value,
            value => value,
        };
        return Value::List(values.into_iter().map(bare).collect());
    }
    Value::List(values)
}

fn chain(mut sides: Vec<Node>, mut relations: Vec<Relation>, budget: &mut Budget) -> Value {
    // `x \ne \pm 1` excludes both.
    if relations == [Relation::NotEqual] && sides.iter().map(count_plus_minus).sum::<usize>() == 1 {
        let one = |minus| {
            let sides = sides.iter().map(|side| signed(side.clone(), minus)).collect();
            Node::Chain(sides, relations.clone())
        };
        return set_operation("and".into(), vec![one(false), one(true)], budget);
    }
    let names_what_follows =
        matches!(relations[0], Relation::Equal) || (relations[0] == Relation::In && relations.len() == 1);
    if let (true, Some(name)) = (names_what_follows, name_of(&sides[0])) {
        sides.remove(0);
        relations.remove(0);
        let value = if relations.is_empty() {
            shape(sides.swap_remove(0), budget)
        } else {
            chain(sides, relations, budget)
        };
        return Value::Named(name, Box::new(value));
    }
    if relations.last() == Some(&Relation::Approximately) && stands_exactly(&sides) {
        sides.pop();
        relations.pop();
        if relations.is_empty() {
            return shape(sides.swap_remove(0), budget);
        }
    }
    let leaves: Vec<_> = sides.into_iter().map(|side| leaf(side, budget)).collect();
    let all_equal = relations.iter().all(|relation| *relation == Relation::Equal)
        && leaves.windows(2).all(|pair| match (&pair[0].value, &pair[1].value) {
            (Ok(left), Ok(right)) => {
                left.difference(right, budget).is_ok_and(|difference| difference.is_zero())
            }
            _ => false,
        });
    match leaves.into_iter().collect::<Vec<_>>() {
        mut leaves if all_equal => Value::Leaf(Box::new(leaves.swap_remove(0))),
        leaves => match inequality::chain(&leaves, &relations, budget) {
            Ok((name, region)) => Value::Region(name, region),
            Err(_) => Value::Chain(leaves, relations),
        },
    }
}

/// `\frac{1}{6} \approx 0.1667`: an exact constant, then a decimal for it.
fn stands_exactly(sides: &[Node]) -> bool {
    match sides {
        [.., exact, Node::Number(decimal)] => {
            decimal.decimals.is_some() && exact.is_constant() && !matches!(exact, Node::Number(_))
        }
        _ => false,
    }
}

/// `x`, `x_1`, `f(x)`, `(x, y)`, or a length `AB` or `|AB|` and an angle by its points.
fn name_of(node: &Node) -> Option<String> {
    match node {
        Node::Symbol(name) => Some(name.to_string()),
        Node::Product(points) if is_segment(node) => Some(points.iter().filter_map(name_of).collect()),
        // `m\angle A`
        Node::Product(factors) => match factors.as_slice() {
            // An expected value.
            [Node::Symbol(mean), Node::Bracketed('[', ']', items)] if mean == "E" && items.len() == 1 => {
                name_of(&items[0]).map(|of| format!("E[{of}]"))
            }
            [Node::Symbol(measure), Node::Symbol(point)] if measure == "m" && is_segment(&factors[1]) => {
                Some(point.to_string())
            }
            _ => None,
        },
        Node::Bracketed('[', ']', items) if items.len() == 1 && is_segment(&items[0]) => name_of(&items[0]),
        Node::Call(bars, items) if bars == "abs" && items.len() == 1 && is_segment(&items[0]) => {
            name_of(&items[0])
        }
        Node::Call(function, arguments) => match arguments.as_slice() {
            // `f(2) = 7`, `\cos A = \frac{1}{2}`
            [Node::Number(argument)] if is_function(function) && argument.is_plain_integer() => {
                Some(format!("{function}({})", argument.digits))
            }
            [Node::Symbol(argument)] if TRIGONOMETRIC.contains(&function.as_str()) => {
                Some(format!("{function}({argument})"))
            }
            [Node::Symbol(argument)] if is_function(function) => Some(format!("{function}({argument})")),
            [_, _, ..] if is_function(function) => {
                let names: Option<Vec<String>> = arguments.iter().map(name_of).collect();
                names.map(|names| format!("{function}({})", names.join(", ")))
            }
            _ => None,
        },
        Node::Quotient(top, bottom) => derivative_name(top, bottom),
        Node::Bracketed('(', ')', items) if items.len() > 1 => {
            let names: Option<Vec<&str>> = items
                .iter()
                .map(|item| match item {
                    Node::Symbol(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            names.map(|names| format!("({})", names.join(", ")))
        }
        _ => None,
    }
}

/// Functions whose value at a symbol is asked for as often as the symbol.
const TRIGONOMETRIC: [&str; 6] = ["sin", "cos", "tan", "cot", "sec", "csc"];

/// A letter, with primes or as an inverse.
fn is_function(name: &str) -> bool {
    name.trim_end_matches('\'').len() == 1 || name.ends_with("^-1") || is_greek(name)
}

/// The leaves of one member of a family.
pub(super) fn members(node: Node, budget: &mut Budget) -> Option<Vec<Leaf>> {
    forms::leaves_of(shape(node, budget))
}

/// One `±` makes a list of two; several are ambiguous.
fn both_signs(node: Node, budget: &mut Budget) -> Value {
    match count_plus_minus(&node) {
        0 => Value::Leaf(Box::new(leaf(node, budget))),
        1 => {
            let values =
                [false, true].map(|minus| Value::Leaf(Box::new(leaf(signed(node.clone(), minus), budget))));
            Value::List(values.into())
        }
        _ => Value::Other(node),
    }
}

fn count_plus_minus(node: &Node) -> usize {
    match node {
        Node::PlusMinus(left, right) => {
            1 + left.as_deref().map_or(0, count_plus_minus) + count_plus_minus(right)
        }
        Node::Negative(inner) | Node::Percent(inner) | Node::Measured(inner, _) => count_plus_minus(inner),
        Node::Sum(items) | Node::Product(items) | Node::Call(_, items) => {
            items.iter().map(count_plus_minus).sum()
        }
        Node::Quotient(left, right) | Node::Power(left, right) | Node::Root(left, right) => {
            count_plus_minus(left) + count_plus_minus(right)
        }
        _ => 0,
    }
}

fn signed(node: Node, minus: bool) -> Node {
    let walk = |node: Box<Node>| Box::new(signed(*node, minus));
    let all = |nodes: Vec<Node>| nodes.into_iter().map(|node| signed(node, minus)).collect();
    match node {
        Node::PlusMinus(left, right) => {
            let right = if minus { Node::Negative(right) } else { *right };
            match left {
                Some(left) => Node::Sum(vec![*left, right]),
                None => right,
            }
        }
        Node::Negative(inner) => Node::Negative(walk(inner)),
        Node::Percent(inner) => Node::Percent(walk(inner)),
        Node::Measured(inner, unit) => Node::Measured(walk(inner), unit),
        Node::Sum(items) => Node::Sum(all(items)),
        Node::Product(items) => Node::Product(all(items)),
        Node::Call(name, items) => Node::Call(name, all(items)),
        Node::Quotient(left, right) => Node::Quotient(walk(left), walk(right)),
        Node::Power(left, right) => Node::Power(walk(left), walk(right)),
        Node::Root(left, right) => Node::Root(walk(left), walk(right)),
        node => node,
    }
}

pub(super) fn leaf(node: Node, budget: &mut Budget) -> Leaf {
    let (node, unit) = without_unit(node);
    let (node, percent) = match node {
        Node::Percent(inner) => (*inner, true),
        Node::Negative(inner) => match *inner {
            Node::Percent(inner) => (Node::Negative(inner), true),
            inner => (Node::Negative(Box::new(inner)), false),
        },
        node => (node, false),
    };
    let printed = match &node {
        Node::Number(literal) => literal.printed(),
        Node::Negative(inner) => match &**inner {
            Node::Number(literal) => literal.printed(),
            _ => None,
        },
        _ => None,
    };
    Leaf { value: evaluate(&node, budget), node, printed, unit, percent }
}

/// The unit of a measured value; in `2+3\sqrt{2} cm` the last term carries it for the whole sum.
fn without_unit(node: Node) -> (Node, Option<Unit>) {
    match node {
        Node::Measured(inner, unit) => (*inner, Some(*unit)),
        Node::Negative(inner) => {
            let (inner, unit) = without_unit(*inner);
            (Node::Negative(Box::new(inner)), unit)
        }
        Node::Sum(mut terms) => {
            let unit = terms.pop().and_then(|last| {
                let (last, unit) = without_unit(last);
                terms.push(last);
                unit
            });
            (Node::Sum(terms), unit)
        }
        node => (node, None),
    }
}
