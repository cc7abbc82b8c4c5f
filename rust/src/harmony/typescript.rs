//! Function tools as the TypeScript that the model was trained to read.
//!
//! Two writers exist and the model meets both: the reference library, and the chat template of the model's repository.
//! They agree on flat parameters without unions, which is most of what people send, and differ in nested objects,
//! unions, arrays of objects, titles and examples. Each is followed to the byte, so a prompt is the one that a server
//! would have built.
#![expect(
    clippy::format_push_string,
    reason = "a prompt is written once; the text should be read as it will stand"
)]

use serde_json::{Map, Value};

use super::layout::Layout;

mod library;
mod template;

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without namespace.
    pub name: String,
    /// What it does; lines become comments.
    pub description: String,
    /// JSON Schema of its arguments; `None` for a function without any.
    pub parameters: Option<Value>,
}

/// Why a list of tools cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTool {
    /// The text is not JSON.
    #[error("the tools are not JSON: {0}")]
    NotJson(String),
    /// It is not a list.
    #[error("the tools are not a list")]
    NotAList,
    /// One of them has no usable name, or is not an object.
    #[error("tool {0} (from 0) is not {{\"type\": \"function\", \"function\": {{\"name\": ...}}}}")]
    NotAFunction(usize),
    /// Its parameters are not an object.
    #[error("the parameters of tool {0:?} are not a JSON Schema object")]
    BadParameters(String),
}

/// Reads the `tools` of a chat request: `[{"type": "function", "function": {"name", "description", "parameters"}}]`; the inner
/// object alone is accepted too.
pub fn functions(json: &str) -> Result<Vec<Function>, BadTool> {
    let value: Value = serde_json::from_str(json).map_err(|error| BadTool::NotJson(error.to_string()))?;
    let Value::Array(tools) = value else { return Err(BadTool::NotAList) };
    tools.into_iter().enumerate().map(|(index, tool)| function(tool, index)).collect()
}

fn function(tool: Value, index: usize) -> Result<Function, BadTool> {
    let Value::Object(mut tool) = tool else { return Err(BadTool::NotAFunction(index)) };
    if let Some(Value::Object(inner)) = tool.remove("function") {
        tool = inner;
    }
    let Some(Value::String(name)) = tool.remove("name").filter(|name| name != "") else {
        return Err(BadTool::NotAFunction(index));
    };
    let description = match tool.remove("description") {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let parameters = match tool.remove("parameters") {
        None | Some(Value::Null) => None,
        Some(schema @ Value::Object(_)) => Some(schema),
        Some(_) => return Err(BadTool::BadParameters(name)),
    };
    Ok(Function { name, description, parameters })
}

/// The section `# Tools` of a developer message.
pub fn tools_section(functions: &[Function], layout: Layout) -> String {
    let mut text = "# Tools\n\n## functions\n\nnamespace functions {\n\n".to_owned();
    for function in functions {
        match layout {
            Layout::Hf => template::function(function, &mut text),
            Layout::OpenAi008 | Layout::Oss0011 | Layout::Nemo | Layout::AsParsed => {
                library::function(function, &mut text);
            }
        }
    }
    text + "} // namespace functions"
}

/// A field that is there and is text.
fn text<'s>(schema: &'s Value, field: &str) -> Option<&'s str> {
    schema.get(field)?.as_str()
}

fn list<'s>(schema: &'s Value, field: &str) -> Option<&'s Vec<Value>> {
    schema.get(field)?.as_array()
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// `?` behind the name of a property that may be left out.
fn optional_mark(name: &str, schema: &Value) -> &'static str {
    let is_required = list(schema, "required")
        .is_some_and(|required| required.iter().any(|one| one.as_str() == Some(name)));
    if is_required { "" } else { "?" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_function_is_the_same_text_in_every_layout() {
        let tools = functions(
            r#"[{"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": {
                "type": "object", "required": ["place"], "properties": {
                    "place": {"type": "string", "description": "A city."},
                    "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                    "days": {"type": "integer", "default": 3},
                    "tags": {"type": "array", "items": {"type": "string"}}}}}},
                {"name": "now", "description": ""}]"#,
        )
        .unwrap();
        let section = |layout| tools_section(&tools[..1], layout);
        assert_eq!(
            section(Layout::OpenAi008),
            "# Tools\n\n## functions\n\nnamespace functions {\n\n// Now.\ntype weather = (_: {\n// A city.\n\
             place: string,\nunit?: \"c\" | \"f\", // default: c\ndays?: number, // default: 3\ntags?: string[],\n\
             }) => any;\n\n} // namespace functions"
        );
        let template = section(Layout::Hf);
        assert_eq!(
            template.replace(", // default: c,", ", // default: c").replace("3,\n", "3\n"),
            section(Layout::OpenAi008)
        );
        assert!(tools_section(&tools, Layout::Nemo).contains("\ntype now = () => any;\n\n}"));
    }

    #[test]
    fn what_is_no_tool_is_named() {
        assert!(matches!(functions("{"), Err(BadTool::NotJson(_))));
        assert_eq!(functions("{}"), Err(BadTool::NotAList));
        assert_eq!(functions(r#"[{"name": "f"}, {"type": "function"}]"#), Err(BadTool::NotAFunction(1)));
        let bad = functions(r#"[{"name": "f", "parameters": []}]"#);
        assert_eq!(bad, Err(BadTool::BadParameters("f".to_owned())));
    }
}
