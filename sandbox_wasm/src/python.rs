//! Calls into the cell runner that lives in the guest (`guest/cell.py`).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::instance::Interpreter;
use crate::memory::Ptr;

/// The modules of the cell runner, in the order of their imports.
pub(crate) const CELL_RUNNER: [(&str, &str); 4] = [
    ("imports", include_str!("../guest/imports.py")),
    ("pretty", include_str!("../guest/pretty.py")),
    ("tracebacks", include_str!("../guest/tracebacks.py")),
    ("cell", include_str!("../guest/cell.py")),
];

/// Addresses of the runner's functions. They live as long as the interpreter and stay valid in its images.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Runner {
    start: Ptr,
    run: Ptr,
    settle: Ptr,
}

/// What a runner function returned, see the head of `guest/cell.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The cell ran to its end.
    Ok,
    /// It raised.
    Error,
    /// It raised `KeyboardInterrupt`.
    Interrupted,
    /// It ran out of memory.
    Memory,
}

impl Runner {
    /// Installs the runner in a booted interpreter.
    pub fn install(interpreter: &mut Interpreter) -> Result<Self> {
        for (name, code) in CELL_RUNNER {
            let source = format!(
                "import sys, types\n\
                 module = types.ModuleType('mathforge_{name}')\n\
                 sys.modules['mathforge_{name}'] = module\n\
                 exec(compile({}, '<mathforge {name}>', 'exec'), module.__dict__)\n",
                literal(code)
            );
            build_step(interpreter, "installing the cell runner", &source)?;
        }
        let mut function = |name| lookup(interpreter, name).map_err(Error::engine("finding the cell runner"));
        Ok(Self { start: function("start")?, run: function("run")?, settle: function("settle")? })
    }

    /// Gives the session its own random numbers.
    pub fn start(&self, interpreter: &mut Interpreter, seed: u64) -> wasmtime::Result<Status> {
        call(interpreter, self.start, &seed.to_string())
    }

    /// Runs one cell.
    pub fn run(&self, interpreter: &mut Interpreter, source: &str) -> wasmtime::Result<Status> {
        call(interpreter, self.run, source)
    }

    /// Swallows an interrupt that nothing has raised yet.
    pub fn settle(&self, interpreter: &mut Interpreter) -> wasmtime::Result<Status> {
        call(interpreter, self.settle, "")
    }
}

/// Runs Python while an image is being built; returns what it printed.
pub fn build_step(interpreter: &mut Interpreter, doing: &str, source: &str) -> Result<String> {
    let outcome = interpreter.run_simple(source);
    let (out, err) = (interpreter.host().stdout.take().0, interpreter.host().stderr.take().0);
    match outcome {
        Ok(true) => Ok(out),
        Ok(false) => Err(Error::Build { doing: doing.to_owned(), message: err }),
        Err(error) => Err(Error::Build { doing: doing.to_owned(), message: format!("{error:#}\n{err}") }),
    }
}

/// `text` as a Python string literal.
pub fn literal(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\\' | '\'' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(character),
            // Writing to a string cannot fail.
            other => drop(write!(out, "\\U{:08x}", other as u32)),
        }
    }
    out.push('\'');
    out
}

fn lookup(interpreter: &mut Interpreter, name: &str) -> wasmtime::Result<Ptr> {
    let module = interpreter.allocate_text("mathforge_cell")?;
    let attribute = interpreter.allocate_text(name)?;
    let module: Ptr = interpreter.call("PyImport_ImportModule", module)?;
    let function: Ptr = interpreter.call("PyObject_GetAttrString", (module, attribute))?;
    if function == 0 { Err(wasmtime::Error::msg(format!("no function {name}"))) } else { Ok(function) }
}

/// Calls `function(text)`, which returns a small integer. No room for the text counts as out of memory.
fn call(interpreter: &mut Interpreter, function: Ptr, text: &str) -> wasmtime::Result<Status> {
    let Some(at) = interpreter.allocate(text.as_bytes())? else { return Ok(Status::Memory) };
    let string: Ptr = interpreter.call("PyUnicode_DecodeUTF8", (at, text.len() as u32, 0u32))?;
    interpreter.call::<_, ()>("free", at)?;
    if string == 0 {
        interpreter.call::<_, ()>("PyErr_Clear", ())?;
        return Ok(Status::Memory);
    }
    let result: Ptr = interpreter.call("PyObject_CallOneArg", (function, string))?;
    interpreter.call::<_, ()>("Py_DecRef", string)?;
    if result == 0 {
        // Only an interrupt in the runner's own last lines gets here.
        interpreter.call::<_, ()>("PyErr_Clear", ())?;
        return Ok(Status::Interrupted);
    }
    let status: i32 = interpreter.call("PyLong_AsLong", result)?;
    interpreter.call::<_, ()>("Py_DecRef", result)?;
    Ok(match status {
        0 => Status::Ok,
        2 => Status::Interrupted,
        3 => Status::Memory,
        _ => Status::Error,
    })
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literals_hold_any_text() {
        assert_eq!(literal("a'\\\n\té😀"), r"'a\'\\\n\U00000009\U000000e9\U0001f600'");
    }
}
