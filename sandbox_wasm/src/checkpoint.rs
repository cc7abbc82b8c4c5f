//! A session's whole state at one moment between two cells, as its difference from the image.
//!
//! A new checkpoint shares with the one before it every page that did not change, and a fork's first checkpoint is its
//! parent's last.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::host::{Caps, Host, Kept};
use crate::instance::{Interpreter, Program, TableState};
use crate::pages::{PAGE_BYTES, is_zero, private};

/// Page number to contents.
pub type Pages = BTreeMap<u32, Arc<[u8]>>;

/// The state of a session.
#[derive(Clone)]
pub struct Checkpoint {
    /// Pages that differ from the image, or may; those missing are the image's or, past its end, zero.
    pub pages: Pages,
    /// Length of the linear memory.
    pub memory_bytes: usize,
    /// See [`Interpreter::state_globals`].
    pub globals: Vec<i32>,
    /// The function table.
    pub table: TableState,
    /// Files, clocks, random bytes.
    pub kept: Kept,
}

impl Checkpoint {
    /// The state of `interpreter`, which is not running. `earlier` is a checkpoint of the same session.
    pub fn take(interpreter: &mut Interpreter, program: &Program, earlier: Option<&Self>) -> Result<Self> {
        let mut pages = earlier.map(|earlier| earlier.pages.clone()).unwrap_or_default();
        let image_bytes = program.image_bytes();
        let memory = interpreter.memory()?;
        let memory_bytes = memory.len();
        for range in private(memory, || program.pristine()) {
            let first = range.start / PAGE_BYTES;
            for (number, page) in (first..).zip(memory[range].chunks(PAGE_BYTES)) {
                if number * PAGE_BYTES >= image_bytes && is_zero(page) {
                    pages.remove(&(number as u32));
                    continue;
                }
                let known = pages.entry(number as u32).or_insert_with(|| Arc::from(page));
                if **known != *page {
                    *known = Arc::from(page);
                }
            }
        }
        Ok(Self {
            pages,
            memory_bytes,
            globals: interpreter.state_global_values()?,
            table: interpreter.table_state()?,
            kept: interpreter.host().kept(),
        })
    }

    /// A new interpreter in this state.
    pub fn open(&self, program: &Program, caps: Caps) -> Result<Interpreter> {
        let mut interpreter = program.restore_for(Host::continuing(self.kept.clone(), caps), &self.table)?;
        interpreter.grow_memory(self.memory_bytes)?;
        let memory = interpreter.memory_mut()?;
        for (&number, page) in &self.pages {
            let start = number as usize * PAGE_BYTES;
            memory
                .get_mut(start..start + PAGE_BYTES)
                .filter(|target| target.len() == page.len())
                .ok_or_else(|| Error::Wasm("a saved state has pages outside of its memory".into()))?
                .copy_from_slice(page);
        }
        interpreter.set_state_global_values(&self.globals)?;
        interpreter.install_closures()?;
        Ok(interpreter)
    }

    /// Bytes of memory it holds, some perhaps shared with other checkpoints.
    pub fn bytes(&self) -> usize {
        self.pages.len() * PAGE_BYTES
    }
}

/// A second interpreter in the same state as the first, which is not running.
pub fn copy(interpreter: &mut Interpreter, program: &Program, caps: Caps) -> Result<Interpreter> {
    let host = Host::continuing(interpreter.host().kept(), caps);
    let mut twin = program.restore_for(host, &interpreter.table_state()?)?;
    let memory = interpreter.memory()?;
    twin.grow_memory(memory.len())?;
    let (image_bytes, target) = (program.image_bytes(), twin.memory_mut()?);
    for range in private(memory, || program.pristine()) {
        for (at, page) in range.clone().step_by(PAGE_BYTES).zip(memory[range].chunks(PAGE_BYTES)) {
            if at < image_bytes || !is_zero(page) {
                target[at..at + page.len()].copy_from_slice(page);
            }
        }
    }
    let globals = interpreter.state_global_values()?;
    twin.set_state_global_values(&globals)?;
    twin.install_closures()?;
    Ok(twin)
}
