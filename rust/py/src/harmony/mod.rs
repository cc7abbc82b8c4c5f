//! Bindings of the harmony module, one file per idea.

use mathforge_core::harmony::message::Role;
use mathforge_core::harmony::token;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

mod batch;
pub mod input;
mod message;
mod message_table;
mod parsing;
mod prompting;
mod streaming;
mod table;
mod tokens;

fn one_of(what: &str, given: &str, known: &[&str]) -> PyErr {
    PyValueError::new_err(format!("{what} is one of {}, not {given:?}", known.join(", ")))
}

fn role(word: &str) -> PyResult<Role> {
    let known = ["system", "developer", "user", "assistant", "tool"];
    Role::from_word(word).ok_or_else(|| one_of("role", word, &known))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("HARMONY_VOCABULARY_SIZE", token::VOCABULARY_SIZE)?;
    batch::register(module)?;
    message::register(module)?;
    parsing::register(module)?;
    prompting::register(module)?;
    streaming::register(module)?;
    table::register(module)?;
    tokens::register(module)
}
