//! Which tool a message calls.

use super::diagnostic::{self as code, severity};
use super::machine::Place;
use super::message::{Diagnostic, End, Message, Role};

/// Recipients that are no tools.
const SPEAKERS: [&str; 5] = ["assistant", "user", "all", "system", "developer"];

/// The canonical name of a recipient: `python` for every spelling of the python tool, `None` for a speaker.
pub fn canonical_tool(recipient: &str) -> Option<&str> {
    if SPEAKERS.contains(&recipient) {
        return None;
    }
    let name = recipient.strip_prefix("functions.").unwrap_or(recipient);
    let namespace = name.split_once('.').map_or(name, |(namespace, _)| namespace);
    Some(if namespace.eq_ignore_ascii_case("python") { "python" } else { recipient })
}

/// Fills in the tool of a message that is over, and what is odd about the call.
pub(super) fn mark(message: &mut Message, place: Place) {
    if message.role != Role::Assistant || message.has(code::TRUNCATED_HEADER) {
        return;
    }
    let mut odd = Vec::new();
    if let Some(recipient) = &message.recipient {
        message.tool = canonical_tool(recipient).map(str::to_owned);
    } else if message.end == Some(End::Call) && message.content_type.as_deref() == Some("code") {
        message.tool = Some("python".to_owned());
        odd.push(code::INFERRED_RECIPIENT);
    } else if message.end == Some(End::Call) {
        odd.push(code::UNADDRESSED_CALL);
    }
    odd.extend(message.tool.iter().flat_map(|tool| odd_call(message, tool)));
    message.diagnostics.extend(odd.into_iter().map(|code| Diagnostic {
        code,
        token_offset: place.token,
        byte_offset: place.byte,
        severity: severity(code),
    }));
}

/// What is odd about a call of a tool.
fn odd_call(message: &Message, tool: &str) -> Vec<&'static str> {
    let mut odd = Vec::new();
    let expected = if is_built_in(tool) { "analysis" } else { "commentary" };
    if message.channel.as_deref() != Some(expected) {
        odd.push(code::CALL_CHANNEL);
    }
    if message.end != Some(End::Call) && message.complete {
        odd.push(code::CALL_END);
    }
    if message.complete && !is_json_object(message, tool) {
        odd.push(code::MALFORMED_ARGUMENTS);
    }
    odd
}

fn is_built_in(tool: &str) -> bool {
    tool == "python" || tool.starts_with("browser.")
}

/// Whether the content is what a function takes; python takes anything, and so does what is not said to be JSON.
fn is_json_object(message: &Message, tool: &str) -> bool {
    let is_function = tool.starts_with("functions.") || message.content_type.as_deref() == Some("json");
    if tool == "python" || !is_function {
        return true;
    }
    let content = message.content.trim_ascii();
    content.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(content).is_ok()
}

/// The code of the last message if it calls the python tool, in whatever way the call is written.
///
/// A call counts however it ended: with `<|call|>`, with another ending token, or with the stream. A header that was
/// cut before its content is not a call yet.
pub fn python_call(messages: &[Message]) -> Option<&str> {
    let last = messages.last()?;
    (last.tool.as_deref() == Some("python")).then_some(last.content.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_python_tool() {
        for recipient in ["python", "functions.python", "python.run", "Python", "functions.python.exec"] {
            assert_eq!(canonical_tool(recipient), Some("python"), "{recipient}");
        }
        assert_eq!(canonical_tool("functions.f"), Some("functions.f"));
        assert_eq!(canonical_tool("container.exec"), Some("container.exec"));
        assert_eq!(canonical_tool("pythonista"), Some("pythonista"));
        assert_eq!(canonical_tool("assistant"), None);
    }
}
