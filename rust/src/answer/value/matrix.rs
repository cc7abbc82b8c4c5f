//! Matrices: rows, scalar multiples, determinants.

use super::evaluate::evaluate;
use super::ratio::Ratio;
use crate::answer::limits::{Budget, MAX_DETERMINANT, Stop};
use crate::answer::tree::Node;
use dashu_ratio::RBig;

/// The cells of a matrix, of a matrix in brackets of its own, and of a scalar multiple of one.
pub fn rows(node: &Node) -> Option<Vec<Vec<Node>>> {
    match node {
        Node::Call(name, rows) if name == "matrix" => cells(rows),
        Node::Bracketed('[', ']', items) if items.len() == 1 => match &items[0] {
            Node::Call(name, rows) if name == "matrix" => cells(rows),
            _ => None,
        },
        Node::Negative(inner) => Some(mapped(rows(inner)?, |cell| Node::Negative(Box::new(cell)))),
        Node::Product(factors) => {
            // Each factor is looked at once: products nest.
            let (mut matrix, mut scalars) = (None, Vec::new());
            for factor in factors {
                match rows(factor) {
                    Some(_) if matrix.is_some() => return None,
                    Some(rows) => matrix = Some(rows),
                    None => scalars.push(factor.clone()),
                }
            }
            Some(mapped(matrix?, |cell| Node::Product(scalars.iter().cloned().chain([cell]).collect())))
        }
        _ => None,
    }
}

fn cells(rows: &[Node]) -> Option<Vec<Vec<Node>>> {
    rows.iter()
        .map(|row| match row {
            Node::Bracketed(_, _, cells) => Some(cells.clone()),
            _ => None,
        })
        .collect()
}

fn mapped(rows: Vec<Vec<Node>>, change: impl Fn(Node) -> Node) -> Vec<Vec<Node>> {
    rows.into_iter().map(|row| row.into_iter().map(&change).collect()).collect()
}

/// By expansion along the first row.
pub fn determinant(rows: &[Node], budget: &mut Budget) -> Result<Ratio, Stop> {
    let cells = cells(rows).ok_or(Stop::Beyond)?;
    if cells.len() > MAX_DETERMINANT || cells.iter().any(|row| row.len() != cells.len()) {
        return Err(Stop::Beyond);
    }
    let values = cells
        .iter()
        .map(|row| row.iter().map(|cell| evaluate(cell, budget)).collect::<Result<Vec<_>, _>>())
        .collect::<Result<Vec<_>, _>>()?;
    expanded(&values.iter().map(|row| row.iter().collect()).collect::<Vec<_>>(), budget)
}

fn expanded(rows: &[Vec<&Ratio>], budget: &mut Budget) -> Result<Ratio, Stop> {
    let Some((first, rest)) = rows.split_first() else { return Ok(RBig::ONE.into()) };
    let mut sum = Ratio::from(RBig::ZERO);
    for (column, value) in first.iter().enumerate() {
        let minor: Vec<Vec<&Ratio>> =
            rest.iter().map(|row| [&row[..column], &row[column + 1..]].concat()).collect();
        let term = value.times(&expanded(&minor, budget)?, budget)?;
        sum = sum.plus(&if column % 2 == 0 { term } else { term.negated() }, budget)?;
    }
    Ok(sum)
}
