//! The texts with which models mark code and harnesses mark its output.

/// One style. In the fence styles the end of code is also the end of output; which one it is depends on what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagSet {
    /// Its name.
    pub name: &'static str,
    /// Before the code.
    pub code_begin: &'static str,
    /// After the code.
    pub code_end: &'static str,
    /// Before the output.
    pub output_begin: &'static str,
    /// After the output.
    pub output_end: &'static str,
    /// How the harness lays out the output.
    pub layout: OutputLayout,
}

/// What stands between the output tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLayout {
    /// Standard output, then standard error.
    Plain,
    /// A status word, then `[stdout]...[/stdout]` and `[stderr]...[/stderr]`.
    Sections,
}

/// The style of gpt-oss. Its tags are those that NeMo-Skills searches for; detection reads every form of the header.
pub const GPT_OSS: &str = "gpt-oss";

/// Every style that NeMo-Skills knows.
pub const TAG_SETS: [TagSet; 6] = [
    TagSet {
        name: GPT_OSS,
        code_begin: "<|start|>assistant<|channel|>analysis to=python code<|message|>",
        code_end: "<|call|>",
        output_begin: "<|start|>python code to=assistant<|channel|>analysis<|message|>",
        output_end: "<|end|><|start|>assistant",
        layout: OutputLayout::Plain,
    },
    TagSet {
        name: "llama3",
        code_begin: "<|python_tag|>",
        code_end: "<|eom_id|>",
        output_begin: "<|start_header_id|>ipython<|end_header_id|>",
        output_end: "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
        layout: OutputLayout::Sections,
    },
    TagSet {
        name: "nemotron",
        code_begin: "<llm-code>\n",
        code_end: "</llm-code>\n",
        output_begin: "<llm-code-output>\n",
        output_end: "</llm-code-output>\n",
        layout: OutputLayout::Plain,
    },
    TagSet {
        name: "openmath",
        code_begin: "<tool_call>",
        code_end: "</tool_call>",
        output_begin: "\n```output\n",
        output_end: "```\n",
        layout: OutputLayout::Plain,
    },
    TagSet {
        name: "qwen",
        code_begin: "```python\n",
        code_end: "```\n",
        output_begin: "```output\n",
        output_end: "```\n",
        layout: OutputLayout::Plain,
    },
    TagSet {
        name: "qwen-lean",
        code_begin: "```lean4\n",
        code_end: "```\n",
        output_begin: "```output\n",
        output_end: "```\n",
        layout: OutputLayout::Plain,
    },
];

impl TagSet {
    /// The style of a name.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        TAG_SETS.iter().find(|tags| tags.name == name)
    }
}
