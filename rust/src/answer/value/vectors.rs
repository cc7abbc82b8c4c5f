//! Vectors by their components, and transposes.

use super::ellipsis::number;
use super::matrix;
use super::shape::Value;
use crate::answer::tree::{Constant, Node};

/// `3i-2j` by its components, where i, j and k can be nothing else.
pub fn components(node: &Node, count: usize) -> Option<Vec<Node>> {
    let axes = ["i", "j", "k"];
    let terms = match node {
        Node::Sum(terms) => terms.as_slice(),
        term => std::slice::from_ref(term),
    };
    let mut found: Vec<Option<Node>> = vec![None; count.min(axes.len())];
    for term in terms {
        let (term, negative) = match term {
            Node::Negative(inner) => (&**inner, true),
            term => (term, false),
        };
        let factors = match term {
            Node::Product(factors) => factors.as_slice(),
            factor => std::slice::from_ref(factor),
        };
        let axis_of = |factor: &Node| match factor {
            Node::Symbol(name) => axes.iter().position(|axis| axis == name),
            Node::Constant(Constant::I) => Some(0),
            _ => None,
        };
        let (last, rest) = factors.split_last()?;
        let place = found.get_mut(axis_of(last)?)?;
        if place.is_some() || rest.iter().any(|factor| axis_of(factor).is_some()) {
            return None;
        }
        let value = if rest.is_empty() { number(1) } else { Node::Product(rest.to_vec()) };
        *place = Some(if negative { Node::Negative(Box::new(value)) } else { value });
    }
    // i alone is the imaginary unit.
    let vector = found.len() == count && found[1..].iter().any(Option::is_some);
    vector.then(|| found.into_iter().map(|part| part.unwrap_or_else(|| number(0))).collect())
}

/// Whether a power is the transpose of a matrix or of a vector.
pub fn is_transposed(base: &Node, exponent: &Node) -> bool {
    let mark = match exponent {
        Node::Symbol(name) => name == "T",
        Node::Call(name, _) => name == "transpose",
        _ => false,
    };
    let vector = matches!(base, Node::Bracketed('(' | '[' | '<', _, items) if items.len() > 1);
    mark && (vector || matrix::rows(base).is_some())
}

/// Rows as columns.
pub fn transposed(rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let mut columns = vec![Vec::new(); rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    columns
}
