//! The texts of system and developer messages, as the model saw them in training.

use super::layout::Layout;
use super::message::{Message, Role};
use super::typescript::{Function, tools_section};

/// How long the model is asked to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// `Reasoning: low`
    Low,
    /// `Reasoning: medium`
    #[default]
    Medium,
    /// `Reasoning: high`
    High,
}

impl Effort {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The effort of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|effort| effort.word() == word)
    }
}

/// First line of the system message.
pub const IDENTITY: &str = "You are ChatGPT, a large language model trained by OpenAI.";
/// The default knowledge cutoff.
pub const KNOWLEDGE_CUTOFF: &str = "2024-06";
/// The description of the python tool that the model was trained with: a stateful notebook.
pub const PYTHON_TOOL: &str = "Use this tool to execute Python code in your chain of thought. The code will not be shown \
to the user. This tool should be used for internal reasoning, but not for code that is intended to be visible to the \
user (e.g. when creating plots, tables, or files).\n\nWhen you send a message containing Python code to python, it will \
be executed in a stateful Jupyter notebook environment. python will respond with the output of the execution or time out \
after 120.0 seconds. The drive at '/mnt/data' can be used to save and persist user files. Internet access for this \
session is UNKNOWN. Depends on the cluster.";

/// The section of the browser tool, heading and functions included.
pub const BROWSER_TOOL: &str = "## browser

// Tool for browsing.
// The `cursor` appears in brackets before each browsing display: `[{cursor}]`.
// Cite information from the tool using the following format:
// `【{cursor}†L{line_start}(-L{line_end})?】`, for example: `【6†L9-L11】` or `【8†L3】`.
// Do not quote more than 10 words directly from the tool output.
// sources=web (default: web)
namespace browser {

// Searches for information related to `query` and displays `topn` results.
type search = (_: {
query: string,
topn?: number, // default: 10
source?: string,
}) => any;

// Opens the link `id` from the page indicated by `cursor` starting at line number `loc`, showing `num_lines` lines.
// Valid link ids are displayed with the formatting: `【{id}†.*】`.
// If `cursor` is not provided, the most recent page is implied.
// If `id` is a string, it is treated as a fully qualified URL associated with `source`.
// If `loc` is not provided, the viewport will be positioned at the beginning of the document or centered on the most \
relevant passage, if available.
// Use this function without `id` to scroll to a new location of an opened page.
type open = (_: {
id?: number | string, // default: -1
cursor?: number, // default: -1
loc?: number, // default: -1
num_lines?: number, // default: -1
view_source?: boolean, // default: false
source?: string,
}) => any;

// Finds exact matches of `pattern` in the current page, or the page given by `cursor`.
type find = (_: {
pattern: string,
cursor?: number, // default: -1
}) => any;

} // namespace browser";

const CHANNELS: &str =
    "# Valid channels: analysis, commentary, final. Channel must be included for every message.";
const FUNCTION_CHANNEL: &str = "Calls to these tools must go to the commentary channel: 'functions'.";

/// What a system message says; lines that are `None` are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Effort.
    pub effort: Effort,
    /// Who the model is.
    pub identity: Option<String>,
    /// Month of the knowledge cutoff.
    pub knowledge_cutoff: Option<String>,
    /// Date of the conversation, `YYYY-MM-DD`.
    pub current_date: Option<String>,
    /// Offer the browser tool.
    pub browser: bool,
    /// Description of the python tool, to offer it.
    pub python: Option<String>,
    /// The developer message defines functions.
    pub functions: bool,
}

impl Default for System {
    fn default() -> Self {
        Self {
            effort: Effort::default(),
            identity: Some(IDENTITY.to_owned()),
            knowledge_cutoff: Some(KNOWLEDGE_CUTOFF.to_owned()),
            current_date: None,
            browser: false,
            python: None,
            functions: false,
        }
    }
}

impl System {
    /// The message.
    pub fn message(&self) -> Message {
        let mut sections = Vec::new();
        let cutoff = self.knowledge_cutoff.as_ref().map(|month| format!("Knowledge cutoff: {month}"));
        let date = self.current_date.as_ref().map(|date| format!("Current date: {date}"));
        let first: Vec<String> = self.identity.iter().cloned().chain(cutoff).chain(date).collect();
        if !first.is_empty() {
            sections.push(first.join("\n"));
        }
        sections.push(format!("Reasoning: {}", self.effort.word()));
        if self.browser || self.python.is_some() {
            sections.push("# Tools".to_owned());
        }
        if self.browser {
            sections.push(BROWSER_TOOL.to_owned());
        }
        if let Some(python) = &self.python {
            sections.push(format!("## python\n\n{python}"));
        }
        let functions = if self.functions { format!("\n{FUNCTION_CHANNEL}") } else { String::new() };
        sections.push(format!("{CHANNELS}{functions}"));
        Message::new(Role::System, sections.join("\n\n"))
    }
}

/// The developer message: instructions, then functions. The chat template leaves a blank line behind instructions even
/// where nothing follows.
pub fn developer(instructions: Option<&str>, functions: &[Function], layout: Layout) -> Message {
    let mut content = String::new();
    if let Some(instructions) = instructions {
        content += "# Instructions\n\n";
        content += instructions;
        if !functions.is_empty() || layout == Layout::Hf {
            content += "\n\n";
        }
    }
    if !functions.is_empty() {
        content += &tools_section(functions, layout);
    }
    Message::new(Role::Developer, content)
}

/// A user message.
pub fn user(text: &str) -> Message {
    Message::new(Role::User, text)
}

/// What a tool answered. `channel` is that of the call.
pub fn tool_result(text: &str, tool: &str, channel: &str) -> Message {
    let message = Message { author: tool.to_owned(), ..Message::new(Role::Tool, text) };
    message.in_channel(channel).to("assistant")
}
