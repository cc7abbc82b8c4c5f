//! Model output to messages.
#![expect(clippy::needless_pass_by_value, reason = "arguments are extracted from Python objects")]

use mathforge_core::harmony::calls;
use mathforge_core::harmony::parser::{Options, parse_ids, parse_text};
use mathforge_core::harmony::unmarked::parse_unmarked;
use pyo3::prelude::*;

use super::input::Input;
use super::message::Message;

#[pyfunction(name = "harmony_parse")]
#[pyo3(signature = (ids_or_text, *, role="assistant", tools=Vec::new()))]
fn parse(py: Python<'_>, ids_or_text: Input, role: &str, tools: Vec<String>) -> PyResult<Vec<Message>> {
    let options = Options { role: super::role(role)?, tools };
    let messages = py.detach(|| match ids_or_text {
        Input::Ids(ids) => parse_ids(&ids, options),
        Input::Text(text) => parse_text(&text, options),
    });
    Ok(messages.into_iter().map(Message::from).collect())
}

#[pyfunction(name = "harmony_parse_unmarked")]
fn unmarked(py: Python<'_>, text: &str) -> Option<Vec<Message>> {
    let messages = py.detach(|| parse_unmarked(text))?;
    Some(messages.into_iter().map(Message::from).collect())
}

#[pyfunction(name = "harmony_python_call")]
fn python_call(messages: Vec<Message>) -> Option<String> {
    let last = messages.last()?;
    calls::python_call(std::slice::from_ref(&*last.0)).map(str::to_owned)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(unmarked, module)?)?;
    module.add_function(wrap_pyfunction!(python_call, module)?)
}
