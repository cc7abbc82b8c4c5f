//! The texts of system and developer messages, as the model saw them in training.

use super::message::{Message, Role};

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
        if let Some(python) = &self.python {
            sections.push(format!("# Tools\n\n## python\n\n{python}"));
        }
        let functions = if self.functions { format!("\n{FUNCTION_CHANNEL}") } else { String::new() };
        sections.push(format!("{CHANNELS}{functions}"));
        Message::new(Role::System, sections.join("\n\n"))
    }
}

/// The developer message of instructions.
pub fn developer(instructions: &str) -> Message {
    Message::new(Role::Developer, format!("# Instructions\n\n{instructions}"))
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
