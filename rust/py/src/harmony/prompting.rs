//! Messages to prompts: rendering, and the messages that open a conversation.

use std::sync::Arc;

use mathforge_core::harmony::history::Drop;
use mathforge_core::harmony::layout::Layout;
use mathforge_core::harmony::message::Message as CoreMessage;
use mathforge_core::harmony::prompt::{self, Effort, System};
use mathforge_core::harmony::render::{Purpose, render as core_render};
use mathforge_core::harmony::typescript::functions;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::message::Message;
use super::one_of;

fn layout(name: &str) -> PyResult<Layout> {
    Layout::from_name(name).ok_or_else(|| one_of("layout", name, &Layout::ALL.map(Layout::name)))
}

#[pyfunction(name = "harmony_render")]
#[pyo3(signature = (messages, *, layout="openai-0.0.8", drop="none", for_completion=true, for_training=false))]
fn render(
    py: Python<'_>,
    messages: Vec<Message>,
    layout: &str,
    drop: &str,
    for_completion: bool,
    for_training: bool,
) -> PyResult<Vec<u32>> {
    let layout = self::layout(layout)?;
    let drop = Drop::from_name(drop).ok_or_else(|| one_of("drop", drop, &Drop::ALL.map(Drop::name)))?;
    let purpose = match (for_training, for_completion) {
        (true, _) => Purpose::Training,
        (false, true) => Purpose::Completion,
        (false, false) => Purpose::Conversation,
    };
    let messages: Vec<CoreMessage> =
        messages.into_iter().map(|message| Arc::unwrap_or_clone(message.0)).collect();
    Ok(py.detach(|| core_render(&messages, layout, drop, purpose)))
}

/// The description of the python tool: ours, another, or no tool.
#[derive(FromPyObject)]
enum PythonTool {
    Offered(bool),
    Described(String),
}

#[pyfunction(name = "harmony_system")]
#[pyo3(signature = (
    effort="medium", *, python=PythonTool::Offered(false), browser=false, current_date=None,
    knowledge_cutoff=Some(prompt::KNOWLEDGE_CUTOFF.to_owned()), identity=Some(prompt::IDENTITY.to_owned()), functions=false
))]
fn system(
    effort: &str,
    python: PythonTool,
    browser: bool,
    current_date: Option<String>,
    knowledge_cutoff: Option<String>,
    identity: Option<String>,
    functions: bool,
) -> PyResult<Message> {
    let effort =
        Effort::from_word(effort).ok_or_else(|| one_of("effort", effort, &["low", "medium", "high"]))?;
    let python = match python {
        PythonTool::Offered(offered) => offered.then(|| prompt::PYTHON_TOOL.to_owned()),
        PythonTool::Described(text) => Some(text),
    };
    Ok(System { effort, identity, knowledge_cutoff, current_date, browser, python, functions }
        .message()
        .into())
}

/// `tools` is JSON text.
#[pyfunction(name = "harmony_developer")]
#[pyo3(signature = (instructions=None, *, tools=None, layout="openai-0.0.8"))]
fn developer(instructions: Option<&str>, tools: Option<&str>, layout: &str) -> PyResult<Message> {
    let layout = self::layout(layout)?;
    let functions = tools.map(functions).transpose();
    let functions = functions.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(prompt::developer(instructions, &functions.unwrap_or_default(), layout).into())
}

#[pyfunction(name = "harmony_user")]
fn user(text: &str) -> Message {
    prompt::user(text).into()
}

#[pyfunction(name = "harmony_tool_result")]
#[pyo3(signature = (text, *, tool="python", channel="analysis"))]
fn tool_result(text: &str, tool: &str, channel: &str) -> Message {
    prompt::tool_result(text, tool, channel).into()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("HARMONY_PYTHON_TOOL", prompt::PYTHON_TOOL)?;
    module.add_function(wrap_pyfunction!(render, module)?)?;
    module.add_function(wrap_pyfunction!(system, module)?)?;
    module.add_function(wrap_pyfunction!(developer, module)?)?;
    module.add_function(wrap_pyfunction!(user, module)?)?;
    module.add_function(wrap_pyfunction!(tool_result, module)?)
}
