//! Second pass over a function: legacy blocks out, `try_table` in.
//!
//! A `try` with two handlers becomes
//!
//! ```text
//! block $out
//!   block $second
//!     block $first
//!       try_table (catch $tag $first) (catch_all $second)
//!         body
//!       end
//!       br $out
//!     end
//!     first handler, the payload on the stack
//!     br $out
//!   end
//!   second handler
//! end
//! ```
//!
//! A handler that is rethrown from gets the exception too (`catch_ref`) and keeps it in a local. A body that a
//! `delegate` aims at is wrapped in a block that receives the exception and throws it again inside the `try_table`.

use std::borrow::Cow;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, Catch, Encode, Instruction, ValType};
use wasmparser::{Operator, OperatorsReader};

use super::scan::{Plan, Shape};
use super::types::Types;
use crate::edit::{Error, malformed};

/// Labels are kept as levels, counted from the function's own label (0): depths follow from the current level.
type Level = u32;

/// A construct of the original function that is still open.
struct Frame {
    /// Where a branch to it goes.
    target: Level,
    role: Role,
}

enum Role {
    Plain,
    Body(usize),
    Handler { of: usize, index: usize, exception_local: Option<u32> },
}

pub struct Emitter<'a> {
    wasm: &'a [u8],
    plan: &'a Plan,
    types: &'a mut Types,
    code: Vec<u8>,
    frames: Vec<Frame>,
    open_labels: u32,
    /// Per `try`: the label that takes exceptions delegated to it.
    receivers: Vec<Level>,
    tries_seen: usize,
    first_exception_local: u32,
    exception_locals: u32,
}

/// The instructions of a function, and how many exnref locals they need beside the original ones.
pub struct Emitted {
    pub code: Vec<u8>,
    pub exception_locals: u32,
}

/// The label of the block around the whole body, when there is one.
const FUNCTION_RECEIVER: Level = 1;

impl<'a> Emitter<'a> {
    /// `wasm` is the whole module (operator offsets count from its start), `locals` the number of parameters and
    /// locals that the function has.
    pub fn new(wasm: &'a [u8], plan: &'a Plan, types: &'a mut Types, locals: u32) -> Self {
        Self {
            wasm,
            plan,
            types,
            code: Vec::new(),
            frames: vec![Frame { target: 0, role: Role::Plain }],
            open_labels: 1,
            receivers: vec![0; plan.tries.len()],
            tries_seen: 0,
            first_exception_local: locals,
            exception_locals: 0,
        }
    }

    pub fn run(mut self, mut operators: OperatorsReader<'_>) -> Result<Emitted, Error> {
        if self.plan.leaves_function {
            self.open(&Instruction::Block(BlockType::Result(ValType::EXNREF)));
        }
        while !operators.eof() {
            let start = operators.original_position();
            let operator = operators.read()?;
            self.operator(operator, start..operators.original_position())?;
        }
        Ok(Emitted { code: self.code, exception_locals: self.exception_locals })
    }

    fn operator(&mut self, operator: Operator<'_>, range: std::ops::Range<usize>) -> Result<(), Error> {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.code.extend_from_slice(&self.wasm[range]);
                self.push(self.open_labels, Role::Plain);
                self.open_labels += 1;
            }
            Operator::Try { blockty } => self.open_try(blockty)?,
            Operator::Catch { .. } | Operator::CatchAll => self.open_handler()?,
            Operator::Rethrow { relative_depth } => {
                let Role::Handler { exception_local: Some(local), .. } = self.frame(relative_depth)?.role
                else {
                    return Err(Error::Unsupported("a rethrow outside of a catch".into()));
                };
                self.emit(&Instruction::LocalGet(local));
                self.emit(&Instruction::ThrowRef);
            }
            Operator::Delegate { .. } => {
                self.frames.pop();
                self.close();
            }
            Operator::End => {
                self.frames.pop();
                if self.frames.is_empty() && self.plan.leaves_function {
                    self.emit(&Instruction::Return);
                    self.close();
                    self.emit(&Instruction::ThrowRef);
                }
                self.close();
            }
            Operator::TryTable { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. } => {
                return Err(Error::Unsupported(
                    "a function mixes legacy exceptions with newer control flow".into(),
                ));
            }
            operator => self.branch_or_plain(operator, range)?,
        }
        Ok(())
    }

    /// Copies an instruction that opens and closes nothing, with its branch depths adjusted.
    fn branch_or_plain(
        &mut self,
        operator: Operator<'_>,
        range: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        let is_branch = matches!(
            operator,
            Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::BrTable { .. }
                | Operator::BrOnNull { .. }
                | Operator::BrOnNonNull { .. }
                | Operator::BrOnCast { .. }
                | Operator::BrOnCastFail { .. }
                | Operator::BrOnCastDescEq { .. }
                | Operator::BrOnCastDescEqFail { .. }
        );
        if !is_branch {
            self.code.extend_from_slice(&self.wasm[range]);
            return Ok(());
        }
        let mut instruction = RoundtripReencoder.instruction(operator).map_err(malformed)?;
        match &mut instruction {
            Instruction::Br(depth)
            | Instruction::BrIf(depth)
            | Instruction::BrOnNull(depth)
            | Instruction::BrOnNonNull(depth)
            | Instruction::BrOnCast { relative_depth: depth, .. }
            | Instruction::BrOnCastFail { relative_depth: depth, .. }
            | Instruction::BrOnCastDescEq { relative_depth: depth, .. }
            | Instruction::BrOnCastDescEqFail { relative_depth: depth, .. } => {
                *depth = self.remapped(*depth)?;
            }
            Instruction::BrTable(depths, default) => {
                for depth in depths.to_mut() {
                    *depth = self.remapped(*depth)?;
                }
                *default = self.remapped(*default)?;
            }
            _ => {}
        }
        self.emit(&instruction);
        Ok(())
    }

    fn open_try(&mut self, blockty: wasmparser::BlockType) -> Result<(), Error> {
        let id = self.tries_seen;
        self.tries_seen += 1;
        let block_type = RoundtripReencoder.block_type(blockty).map_err(malformed)?;
        match self.plan.tries[id].shape {
            Shape::Block => {
                let target = self.open(&Instruction::Block(block_type));
                self.push(target, Role::Plain);
            }
            Shape::Delegating(to) => {
                let receiver = to.map_or(FUNCTION_RECEIVER, |target| self.receivers[target]);
                let catches = [Catch::AllRef { label: self.depth(receiver) }];
                let target = self.open(&Instruction::TryTable(block_type, Cow::Borrowed(&catches)));
                self.push(target, Role::Plain);
            }
            Shape::Catching => self.open_catching(id, block_type)?,
        }
        Ok(())
    }

    fn open_catching(&mut self, id: usize, block_type: BlockType) -> Result<(), Error> {
        let plan = &self.plan.tries[id];
        let params = self.types.params(block_type)?;
        let target = self.open(&Instruction::Block(block_type));
        for handler in plan.handlers.iter().rev() {
            let mut results = handler.tag.map_or(Ok(Vec::new()), |tag| self.types.payload(tag))?;
            if handler.rethrown {
                results.push(ValType::EXNREF);
            }
            let landing = self.types.block_type(&params, &results);
            self.open(&Instruction::Block(landing));
        }
        let catches =
            (0..).zip(&plan.handlers).map(|(label, handler)| match (handler.tag, handler.rethrown) {
                (Some(tag), false) => Catch::One { tag, label },
                (Some(tag), true) => Catch::OneRef { tag, label },
                (None, false) => Catch::All { label },
                (None, true) => Catch::AllRef { label },
            });
        self.open(&Instruction::TryTable(block_type, catches.collect()));
        if plan.receives {
            let receiver = self.types.block_type(&params, &[ValType::EXNREF]);
            self.receivers[id] = self.open(&Instruction::Block(receiver));
        }
        self.push(target, Role::Body(id));
        Ok(())
    }

    fn open_handler(&mut self) -> Result<(), Error> {
        let Some(Frame { target, role }) = self.frames.pop() else {
            return Err(Error::Unsupported("a catch without a try".into()));
        };
        let (of, index) = match role {
            Role::Body(of) => {
                if self.plan.tries[of].receives {
                    self.emit(&Instruction::Br(self.depth(target)));
                    self.close();
                    self.emit(&Instruction::ThrowRef);
                }
                self.close();
                (of, 0)
            }
            Role::Handler { of, index, .. } => (of, index + 1),
            Role::Plain => return Err(Error::Unsupported("a catch without a try".into())),
        };
        self.emit(&Instruction::Br(self.depth(target)));
        self.close();
        let exception_local =
            self.plan.tries[of].handlers[index].rethrown.then(|| self.new_exception_local());
        if let Some(local) = exception_local {
            self.emit(&Instruction::LocalSet(local));
        }
        self.push(target, Role::Handler { of, index, exception_local });
        Ok(())
    }

    /// Handlers that are open at the same time must not share a local; those one after the other may.
    fn new_exception_local(&mut self) -> u32 {
        let in_use = self
            .frames
            .iter()
            .filter(|frame| matches!(frame.role, Role::Handler { exception_local: Some(_), .. }))
            .count() as u32;
        self.exception_locals = self.exception_locals.max(in_use + 1);
        self.first_exception_local + in_use
    }

    fn emit(&mut self, instruction: &Instruction<'_>) {
        instruction.encode(&mut self.code);
    }

    fn push(&mut self, target: Level, role: Role) {
        self.frames.push(Frame { target, role });
    }

    fn open(&mut self, instruction: &Instruction<'_>) -> Level {
        self.emit(instruction);
        self.open_labels += 1;
        self.open_labels - 1
    }

    fn close(&mut self) {
        self.emit(&Instruction::End);
        self.open_labels -= 1;
    }

    fn depth(&self, level: Level) -> u32 {
        self.open_labels - 1 - level
    }

    fn frame(&self, depth: u32) -> Result<&Frame, Error> {
        (self.frames.len().checked_sub(1 + depth as usize))
            .map(|index| &self.frames[index])
            .ok_or_else(|| Error::Unsupported(format!("a branch to the unknown label {depth}")))
    }

    fn remapped(&self, depth: u32) -> Result<u32, Error> {
        Ok(self.depth(self.frame(depth)?.target))
    }
}
