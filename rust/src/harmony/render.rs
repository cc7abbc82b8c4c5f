//! Messages to ids.
//!
//! The pieces of a header are encoded one by one, as the reference renderer does; encoding the joined text could
//! give other ids.

use super::encode::{SpecialText, encode_into};
use super::history::Drop;
use super::layout::{Layout, Part};
use super::message::{Message, Role, Written};
use super::token;

/// What follows the last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `<|start|>assistant`: a prompt.
    Completion,
    /// Nothing, and a last final answer ends with `<|return|>`: a training row.
    Training,
    /// Nothing: a stored conversation.
    Conversation,
}

/// Ids of a conversation, without what `drop` leaves out.
pub fn render(messages: &[Message], layout: Layout, drop: Drop, purpose: Purpose) -> Vec<u32> {
    let content: usize = messages.iter().map(|message| message.content.len() + 40).sum();
    let mut ids = Vec::with_capacity(content / 3);
    for message in drop.kept(messages) {
        match &message.written {
            Written::Ids(written) if layout == Layout::AsParsed => ids.extend_from_slice(written),
            Written::Text(written) if layout == Layout::AsParsed => {
                encode_into(written, SpecialText::Structure, &mut ids);
            }
            _ => render_message(message, layout, &mut ids),
        }
    }
    match purpose {
        Purpose::Completion => {
            ids.push(token::START);
            literal("assistant", &mut ids);
        }
        Purpose::Training => {
            let answered = messages
                .last()
                .is_some_and(|last| last.role == Role::Assistant && last.channel.as_deref() == Some("final"));
            if let Some(last) = ids.last_mut()
                && answered
                && *last == token::END
            {
                *last = token::RETURN;
            }
        }
        Purpose::Conversation => {}
    }
    ids
}

fn render_message(message: &Message, layout: Layout, ids: &mut Vec<u32>) {
    ids.push(token::START);
    literal(&message.author, ids);
    for part in layout.parts(message) {
        match part {
            Part::Recipient(recipient) => literal(&format!(" to={recipient}"), ids),
            Part::Channel(channel) => {
                ids.push(token::CHANNEL);
                literal(channel, ids);
            }
            Part::ContentType { name, constrained: true } => {
                literal(" ", ids);
                ids.push(token::CONSTRAIN);
                literal(name, ids);
            }
            Part::ContentType { name, constrained: false } => literal(&format!(" {name}"), ids),
        }
    }
    ids.push(token::MESSAGE);
    literal(&message.content, ids);
    let calls = message.role == Role::Assistant && message.written_recipient().is_some();
    ids.push(if calls { token::CALL } else { token::END });
}

/// Whatever a message holds is ordinary text: nobody can write a special token into a prompt.
fn literal(text: &str, ids: &mut Vec<u32>) {
    encode_into(text, SpecialText::Literal, ids);
}
