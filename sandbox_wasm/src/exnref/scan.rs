//! First pass over a function: what every `try` needs, known before its first byte is written.

use wasmparser::{Operator, OperatorsReader};

use crate::edit::Error;

/// One `catch` (with its tag) or `catch_all` (without).
#[derive(Debug)]
pub struct Handler {
    pub tag: Option<u32>,
    /// A `rethrow` names this handler, so its exception must be kept in a local.
    pub rethrown: bool,
}

/// One legacy `try`, by its order of appearance in the function.
#[derive(Debug)]
pub struct Try {
    pub handlers: Vec<Handler>,
    pub shape: Shape,
    /// A `delegate` hands exceptions to this body.
    pub receives: bool,
    /// The innermost `try` whose body encloses this one.
    outer: Option<usize>,
}

/// What becomes of a `try`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Nothing is caught, or exceptions go where they would go anyway.
    Block,
    Catching,
    /// Exceptions are thrown anew in the body of that `try`, or (None) out of the function.
    Delegating(Option<usize>),
}

#[derive(Debug, Default)]
pub struct Plan {
    pub tries: Vec<Try>,
    /// Some `delegate` leaves the function past an enclosing `try`.
    pub leaves_function: bool,
}

#[derive(Clone, Copy)]
enum Frame {
    Plain,
    Body(usize),
    Handler { of: usize, index: usize },
}

impl Plan {
    pub fn scan(mut operators: OperatorsReader<'_>) -> Result<Self, Error> {
        let mut plan = Self::default();
        let mut frames = vec![Frame::Plain];
        while !operators.eof() {
            match operators.read()? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. } => {
                    frames.push(Frame::Plain);
                }
                Operator::Try { .. } => {
                    let outer = enclosing_body(&frames);
                    frames.push(Frame::Body(plan.tries.len()));
                    plan.tries.push(Try {
                        handlers: Vec::new(),
                        shape: Shape::Block,
                        receives: false,
                        outer,
                    });
                }
                Operator::Catch { tag_index } => plan.open_handler(&mut frames, Some(tag_index))?,
                Operator::CatchAll => plan.open_handler(&mut frames, None)?,
                Operator::Rethrow { relative_depth } => {
                    let Some(Frame::Handler { of, index }) = at_depth(&frames, relative_depth) else {
                        return Err(Error::Unsupported("a rethrow outside of a catch".into()));
                    };
                    plan.tries[of].handlers[index].rethrown = true;
                }
                Operator::Delegate { relative_depth } => {
                    let Some(Frame::Body(id)) = frames.pop() else {
                        return Err(Error::Unsupported("a delegate without a try".into()));
                    };
                    let visible = frames.len().saturating_sub(relative_depth as usize);
                    plan.tries[id].shape = Shape::Delegating(enclosing_body(&frames[..visible]));
                }
                Operator::End => {
                    frames.pop();
                }
                _ => {}
            }
        }
        plan.resolve_delegates();
        Ok(plan)
    }

    fn open_handler(&mut self, frames: &mut Vec<Frame>, tag: Option<u32>) -> Result<(), Error> {
        let Some(Frame::Body(of) | Frame::Handler { of, .. }) = frames.pop() else {
            return Err(Error::Unsupported("a catch without a try".into()));
        };
        let current = &mut self.tries[of];
        frames.push(Frame::Handler { of, index: current.handlers.len() });
        current.handlers.push(Handler { tag, rethrown: false });
        current.shape = Shape::Catching;
        Ok(())
    }

    /// Follows each delegate to the body that really catches. One whose exceptions would arrive there by
    /// ordinary unwinding is a plain block.
    fn resolve_delegates(&mut self) {
        let resolved: Vec<_> = (self.tries.iter())
            .map(|current| match current.shape {
                Shape::Delegating(target) => match (self.catcher(target), self.catcher(current.outer)) {
                    (there, by_unwinding) if there == by_unwinding => Shape::Block,
                    (there, _) => Shape::Delegating(there),
                },
                shape => shape,
            })
            .collect();
        for (id, shape) in resolved.into_iter().enumerate() {
            self.tries[id].shape = shape;
            match shape {
                Shape::Delegating(Some(target)) => self.tries[target].receives = true,
                Shape::Delegating(None) => self.leaves_function = true,
                _ => {}
            }
        }
    }

    /// The catching `try` that gets an exception thrown in the body of `id`.
    fn catcher(&self, mut id: Option<usize>) -> Option<usize> {
        while let Some(current) = id {
            id = match self.tries[current].shape {
                Shape::Catching => return id,
                Shape::Delegating(target) => target,
                Shape::Block => self.tries[current].outer,
            };
        }
        None
    }
}

fn at_depth(frames: &[Frame], depth: u32) -> Option<Frame> {
    frames.len().checked_sub(1 + depth as usize).map(|index| frames[index])
}

/// A label that is not the body of a `try` hands exceptions on to the next one outside.
fn enclosing_body(frames: &[Frame]) -> Option<usize> {
    frames.iter().rev().find_map(|frame| match frame {
        Frame::Body(id) => Some(*id),
        _ => None,
    })
}
