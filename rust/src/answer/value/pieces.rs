//! Functions given piece by piece.

use super::inequality::region_of;
use super::region::Region;
use super::shape::{Value, shape};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::Node;

/// What a function is where a condition holds.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The function there.
    pub value: Value,
    /// Where that is: a set of reals, another relation, or words.
    pub condition: Value,
}

/// Values and conditions in turn, as the parser leaves them.
pub fn pieces(parts: Vec<Node>, budget: &mut Budget) -> Value {
    let mut pieces = Vec::new();
    let mut parts = parts.into_iter();
    while let (Some(value), Some(condition)) = (parts.next(), parts.next()) {
        let (value, condition) = (shape(value, budget), shape(condition, budget));
        pieces.push(Piece { value, condition });
    }
    if let Ok(rest) = rest(&pieces, budget)
        && let Some(last) = pieces.last_mut()
    {
        last.condition = rest;
    }
    Value::Pieces(pieces)
}

/// What "otherwise" stands for where all other conditions are sets of reals in one variable.
fn rest(pieces: &[Piece], budget: &mut Budget) -> Result<Value, Stop> {
    let (last, others) = pieces.split_last().ok_or(Stop::Beyond)?;
    let otherwise = |words: &str| matches!(words, "otherwise" | "else" | "elsewhere");
    if !matches!(&last.condition, Value::Text(words) if otherwise(&words.to_lowercase())) {
        return Err(Stop::Beyond);
    }
    let mut variable = None;
    let mut region = Region::reals();
    for piece in others {
        let (name, taken) = region_of(&piece.condition, budget)?;
        if name.is_none() || variable.is_some() && variable != name {
            return Err(Stop::Beyond);
        }
        variable = name;
        region = region.without(&taken, budget)?;
    }
    Ok(Value::Region(variable, region))
}
