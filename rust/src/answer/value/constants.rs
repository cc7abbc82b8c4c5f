//! Real constants on the line: which is smaller, whether a function is positive there.

use crate::answer::compare::Policy;
use crate::answer::identity::{self, Builder, Graph, enclosed, is_zero, sign};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::Node;
use dashu_ratio::RBig;
use std::cmp::Ordering;

/// Whether a tree is a real constant.
pub fn is_real(node: &Node, budget: &mut Budget) -> bool {
    let mut graph = Graph::default();
    let Ok(id) = Builder::new(&mut graph, Policy::default(), budget).build(node) else { return false };
    graph.is_constant(id)
        && enclosed(&graph, id, 64, budget).is_ok_and(|value| value.is_some_and(|value| value.im.is_none()))
}

/// Which of two real constants is smaller.
pub fn order(left: &Node, right: &Node, budget: &mut Budget) -> Result<Ordering, Stop> {
    if let Some(order) = identity::order(left, right) {
        return Ok(order);
    }
    let mut graph = Graph::default();
    let mut builder = Builder::new(&mut graph, Policy::default(), budget);
    let (left, right) = (builder.build(left)?, builder.build(right)?);
    let difference = graph.minus(left, right)?;
    Ok(sign(&mut graph, difference, budget)?.ok_or(Stop::Beyond)?.cmp(&0))
}

/// The sign of a function of one variable at a constant; None where it is not defined there.
pub fn sign_at(
    function: &Node,
    name: &str,
    at: &Node,
    budget: &mut Budget,
) -> Result<Option<Ordering>, Stop> {
    if let Some(sign) = identity::sign_at(function, name, at) {
        return Ok(Some(sign));
    }
    let mut graph = Graph::default();
    let mut builder = Builder::new(&mut graph, Policy::default(), budget);
    let at = builder.build(at)?;
    builder.bind(name, at);
    let value = match builder.build(function) {
        Err(Stop::Undefined) => return Ok(None),
        value => value?,
    };
    if !graph.is_real(value) {
        let value = enclosed(&graph, value, 128, budget)?.ok_or(Stop::Beyond)?;
        return if value.im.is_some_and(|im| !im.has_zero()) { Ok(None) } else { Err(Stop::Beyond) };
    }
    match sign(&mut graph, value, budget)? {
        Some(sign) => Ok(Some(sign.cmp(&0))),
        None if is_zero(&mut graph, value, budget)? => Ok(Some(Ordering::Equal)),
        None => Err(Stop::Beyond),
    }
}

/// A rational between two real constants, or beyond the last one.
pub fn between(left: Option<&Node>, right: Option<&Node>, budget: &mut Budget) -> Result<RBig, Stop> {
    let mut ends = |node: Option<&Node>, bits: usize| -> Result<Option<(RBig, RBig)>, Stop> {
        let Some(node) = node else { return Ok(None) };
        let mut graph = Graph::default();
        let id = Builder::new(&mut graph, Policy::default(), budget).build(node)?;
        let value = enclosed(&graph, id, bits, budget)?.ok_or(Stop::Beyond)?;
        Ok(Some(value.re.ends(20_000).ok_or(Stop::Limit)?))
    };
    for bits in [64, 256, 1024] {
        let (left, right) = (ends(left, bits)?, ends(right, bits)?);
        match (left, right) {
            (None, None) => return Ok(RBig::ZERO),
            (Some((_, high)), None) => return Ok(RBig::from(high.floor()) + RBig::from(1)),
            (None, Some((low, _))) => return Ok(RBig::from(low.floor()) - RBig::from(1)),
            (Some((_, high)), Some((low, _))) if high < low => return Ok((high + low) / RBig::from(2)),
            _ => {}
        }
    }
    Err(Stop::Beyond)
}
