//! Values with a name: `x = 5`, `f(t) = 2t + 3`, `\frac{dy}{dx} = 2x`.

use super::{Policy, Reason, Verdict, VerdictKind, forms, items};
use crate::answer::limits::Budget;
use crate::answer::tree::Node;
use crate::answer::value::{Leaf, Piece, Value, evaluate, substituted};

/// Two named values.
pub fn compare(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    let (Value::Named(left_name, left_value), Value::Named(right_name, right_value)) = (left, right) else {
        return Verdict::undecided(Reason::KindDiffers);
    };
    let is_chain = |value: &Value| matches!(value, Value::Chain(..));
    if is_chain(left_value) || is_chain(right_value) {
        // `z = x = y` is more than `x = y`.
        return forms::equations(left, right).unwrap_or_else(|| {
            let same = items::compare(left_value, right_value, policy, budget);
            let whole = left_name == right_name && same.reason == Reason::SameRelation;
            if whole { same } else { Verdict::undecided(Reason::NotNative) }
        });
    }
    if left_name == right_name || name_a_graph(left_name, right_name) {
        return items::compare(left_value, right_value, policy, budget);
    }
    if let Some(renamed) = renamed(left_name, right_name, right_value) {
        return items::compare(left_value, &renamed, policy, budget);
    }
    if let Some(verdict) = forms::equations(left, right) {
        return verdict;
    }
    if let (Some((_, left_order)), Some((_, right_order))) = (order(left_name), order(right_name))
        && left_order != right_order
        && items::compare(left_value, right_value, policy, budget).is_equal()
    {
        return Verdict::different(Reason::EquationDiffers);
    }
    let of_variables = |name: &str| matches!(name.split_once('('), Some((_, of)) if !of.starts_with(|c: char| c.is_ascii_digit()));
    let functions = of_variables(left_name) && of_variables(right_name) && !is_constant(left_value);
    let variables = !left_name.contains('(') && !right_name.contains('(');
    let constants = variables && is_constant(left_value) && is_constant(right_value);
    if !functions && !constants {
        return Verdict::undecided(Reason::NameDiffers);
    }
    let coordinate = |name: &str| matches!(name, "x" | "y" | "z");
    match items::compare(left_value, right_value, policy, budget).kind {
        VerdictKind::Different => Verdict::different(Reason::ValueDiffers),
        // `x = -2` and `y = -2` are two lines.
        VerdictKind::Equal if constants && coordinate(left_name) && coordinate(right_name) => {
            Verdict::different(Reason::EquationDiffers)
        }
        _ => Verdict::undecided(Reason::NameDiffers),
    }
}

fn is_constant(value: &Value) -> bool {
    matches!(value, Value::Leaf(leaf) if leaf.node.is_constant())
}

/// Whether it is the height of a graph rather than a function by its name, and how many times it is differentiated.
fn order(name: &str) -> Option<(bool, u8)> {
    match name {
        "y" | "y(x)" => Some((true, 0)),
        "y'" | "y'(x)" | "dy/dx" => Some((true, 1)),
        "y''" | "y''(x)" | "d^2y/dx^2" => Some((true, 2)),
        "f(x)" | "g(x)" | "h(x)" => Some((false, 0)),
        "f'(x)" | "g'(x)" | "h'(x)" => Some((false, 1)),
        "f''(x)" | "g''(x)" | "h''(x)" => Some((false, 2)),
        _ => None,
    }
}

/// `y` and `f(x)` both name what is given for x; so do their derivatives.
fn name_a_graph(left: &str, right: &str) -> bool {
    match (order(left), order(right)) {
        (Some((left_graph, left)), Some((right_graph, right))) => {
            left == right && (left_graph || right_graph)
        }
        _ => false,
    }
}

/// `f(t)` for `f(x)`: the right value with the arguments of the left one. None for other names, and where a new argument has
/// another meaning on the right already.
fn renamed(left: &str, right: &str, value: &Value) -> Option<Value> {
    let parts = |name: &str| {
        let (function, arguments) = name.strip_suffix(')')?.split_once('(')?;
        let arguments: Vec<String> = arguments.split(", ").map(str::to_owned).collect();
        (!function.is_empty()).then(|| (function.to_owned(), arguments))
    };
    let ((left_function, new), (right_function, old)) = (parts(left)?, parts(right)?);
    if left_function != right_function || new.len() != old.len() {
        return None;
    }
    // By way of names that nobody writes, as arguments may change places.
    let away: Vec<(String, String)> =
        old.iter().enumerate().map(|(at, name)| (name.clone(), format!("#{at}"))).collect();
    let back: Vec<(String, String)> =
        new.iter().enumerate().map(|(at, name)| (format!("#{at}"), name.clone())).collect();
    let moved = with_names(value, &away)?;
    let free = new.iter().any(|name| mentions(&moved, name));
    if free { None } else { with_names(&moved, &back) }
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::Leaf(leaf) => {
            let mut names = Vec::new();
            leaf.node.symbols(&mut names);
            names.contains(&name)
        }
        Value::Sequence(_, _, items) | Value::List(items) => items.iter().any(|item| mentions(item, name)),
        Value::Matrix(rows) => rows.iter().flatten().any(|cell| mentions(cell, name)),
        Value::Region(variable, _) => variable.as_deref() == Some(name),
        Value::Pieces(pieces) => {
            pieces.iter().any(|piece| mentions(&piece.value, name) || mentions(&piece.condition, name))
        }
        _ => false,
    }
}

/// A value with other names for its variables; None for forms that are not looked into.
pub fn with_names(value: &Value, names: &[(String, String)]) -> Option<Value> {
    let all = |items: &[Value]| items.iter().map(|item| with_names(item, names)).collect::<Option<Vec<_>>>();
    Some(match value {
        Value::Leaf(leaf) => {
            let node = names.iter().fold(leaf.node.clone(), |node, (old, new)| {
                substituted(&node, old, &Node::Symbol(new.into()))
            });
            let value = evaluate(&node, &mut Budget::reading());
            Value::Leaf(Box::new(Leaf { value, node, ..(**leaf).clone() }))
        }
        Value::Sequence(open, close, items) => Value::Sequence(*open, *close, all(items)?),
        Value::List(items) => Value::List(all(items)?),
        Value::Matrix(rows) => Value::Matrix(rows.iter().map(|row| all(row)).collect::<Option<Vec<_>>>()?),
        Value::Region(Some(variable), region) => {
            let renamed = names.iter().find(|(old, _)| old == variable).map(|(_, new)| new.clone());
            Value::Region(Some(renamed.unwrap_or_else(|| variable.clone())), region.clone())
        }
        Value::Pieces(pieces) => {
            let piece = |piece: &Piece| {
                let (value, condition) =
                    (with_names(&piece.value, names)?, with_names(&piece.condition, names)?);
                Some(Piece { value, condition })
            };
            Value::Pieces(pieces.iter().map(piece).collect::<Option<Vec<_>>>()?)
        }
        Value::Text(_) | Value::Infinity { .. } => value.clone(),
        _ => return None,
    })
}
