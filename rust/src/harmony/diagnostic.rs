//! Codes of the departures from the format that the parser repairs. They are stable: match on them.

use super::message::Severity;

/// A stop token or the header cap came before `<|message|>`; the header was split where it could be.
pub const MISSING_MESSAGE: &str = "missing_message";
/// The input ended within a header.
pub const TRUNCATED_HEADER: &str = "truncated_header";
/// The input ended within the content.
pub const TRUNCATED_CONTENT: &str = "truncated_content";
/// A second ending token after a message had ended.
pub const STRAY_END: &str = "stray_end";
/// Text between two messages. A lone header word is skipped; anything else becomes a message.
pub const STRAY_TEXT: &str = "stray_text";
/// `<|message|>` within the content; skipped.
pub const STRAY_MESSAGE: &str = "stray_message";
/// `<|channel|>` within the content that began no header; kept as text.
pub const STRAY_CHANNEL: &str = "stray_channel";
/// `<|constrain|>` within the content; kept as text.
pub const STRAY_CONSTRAIN: &str = "stray_constrain";
/// `<|start|><|start|>`: read as one.
pub const DUPLICATE_START: &str = "duplicate_start";
/// A header began without `<|start|>`.
pub const MISSING_START: &str = "missing_start";
/// A new message began before the ending token of this one.
pub const MISSING_END: &str = "missing_end";
/// A header without an author: the model is taken to speak.
pub const MISSING_AUTHOR: &str = "missing_author";
/// The author was written although the prompt had ended with it.
pub const REPEATED_AUTHOR: &str = "repeated_author";
/// Another author was written than the one with which the prompt had ended; it holds.
pub const OTHER_AUTHOR: &str = "other_author";
/// `<|channel|>` with no channel after it.
pub const EMPTY_CHANNEL: &str = "empty_channel";
/// A known channel with something glued to it.
pub const CHANNEL_GARBAGE: &str = "channel_garbage";
/// A channel that the format does not have.
pub const UNKNOWN_CHANNEL: &str = "unknown_channel";
/// A channel without `<|channel|>` before it.
pub const BARE_CHANNEL: &str = "bare_channel";
/// A second `<|channel|>` in one header; the first channel holds.
pub const DUPLICATE_CHANNEL: &str = "duplicate_channel";
/// The same recipient twice.
pub const DUPLICATE_RECIPIENT: &str = "duplicate_recipient";
/// Two different recipients; the last one after the channel holds.
pub const CONFLICTING_RECIPIENTS: &str = "conflicting_recipients";
/// A known tool without `to=`.
pub const BARE_RECIPIENT: &str = "bare_recipient";
/// A tool name with its content type glued to it.
pub const GLUED_RECIPIENT: &str = "glued_recipient";
/// Code ended by `<|call|>` without a recipient: taken as a call of the python tool.
pub const INFERRED_RECIPIENT: &str = "inferred_recipient";
/// A call on a channel where calls of this tool do not belong.
pub const CALL_CHANNEL: &str = "call_channel";
/// A call that was not ended by `<|call|>`.
pub const CALL_END: &str = "call_end";
/// A header word that means nothing here.
pub const UNKNOWN_HEADER_WORD: &str = "unknown_header_word";
/// `<|endoftext|>`: the sample ends.
pub const ENDOFTEXT: &str = "endoftext";
/// An id outside the vocabulary; its text is U+FFFD.
pub const UNKNOWN_TOKEN: &str = "unknown_token";

/// `<|call|>` ended a message that is addressed to nobody: there is no tool to answer.
pub const UNADDRESSED_CALL: &str = "unaddressed_call";
/// `<|constrain|>` with no content type after it.
pub const EMPTY_CONTENT_TYPE: &str = "empty_content_type";
/// `to=` with no name after it.
pub const EMPTY_RECIPIENT: &str = "empty_recipient";
/// A function call whose content is not a JSON object.
pub const MALFORMED_ARGUMENTS: &str = "malformed_arguments";
/// The special tokens were taken off; the header is a guess.
pub const UNMARKED: &str = "unmarked";

/// The message has more diagnostics than are kept.
pub const MORE_DIAGNOSTICS: &str = "more_diagnostics";

/// Every code.
pub const ALL: [&str; 35] = [
    MISSING_MESSAGE,
    TRUNCATED_HEADER,
    TRUNCATED_CONTENT,
    STRAY_END,
    STRAY_TEXT,
    STRAY_MESSAGE,
    STRAY_CHANNEL,
    STRAY_CONSTRAIN,
    DUPLICATE_START,
    MISSING_START,
    MISSING_END,
    MISSING_AUTHOR,
    REPEATED_AUTHOR,
    OTHER_AUTHOR,
    EMPTY_CHANNEL,
    CHANNEL_GARBAGE,
    UNKNOWN_CHANNEL,
    BARE_CHANNEL,
    DUPLICATE_CHANNEL,
    DUPLICATE_RECIPIENT,
    CONFLICTING_RECIPIENTS,
    BARE_RECIPIENT,
    GLUED_RECIPIENT,
    INFERRED_RECIPIENT,
    CALL_CHANNEL,
    CALL_END,
    UNKNOWN_HEADER_WORD,
    ENDOFTEXT,
    UNKNOWN_TOKEN,
    UNADDRESSED_CALL,
    EMPTY_CONTENT_TYPE,
    EMPTY_RECIPIENT,
    MALFORMED_ARGUMENTS,
    UNMARKED,
    MORE_DIAGNOSTICS,
];

/// How much a code matters.
pub fn severity(code: &str) -> Severity {
    match code {
        STRAY_END | DUPLICATE_START | REPEATED_AUTHOR | UNKNOWN_CHANNEL | DUPLICATE_RECIPIENT
        | CALL_CHANNEL | CALL_END | ENDOFTEXT | TRUNCATED_CONTENT => Severity::Info,
        _ => Severity::Warning,
    }
}
