//! Messages to ids.
//!
//! The pieces of a header are encoded one by one, as the reference renderer does; encoding the joined text could
//! give other ids.

use super::encode::{SpecialText, encode_into};
use super::message::{Message, Role};
use super::token;

/// Where the parts of a header stand. Libraries differ, and the model has seen more than one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// openai-harmony 0.0.8: `assistant to=python<|channel|>analysis code`.
    #[default]
    OpenAi008,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Self; 1] = [Self::OpenAi008];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi008 => "openai-0.0.8",
        }
    }

    /// The layout of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }
}

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

/// Ids of a conversation.
pub fn render(messages: &[Message], layout: Layout, purpose: Purpose) -> Vec<u32> {
    let content: usize = messages.iter().map(|message| message.content.len() + 40).sum();
    let mut ids = Vec::with_capacity(content / 3);
    for message in messages {
        render_message(message, layout, &mut ids);
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
    // `all` is the default, and never written.
    let recipient = message.recipient.as_deref().filter(|recipient| *recipient != "all");
    ids.push(token::START);
    literal(&message.author, ids);
    match layout {
        Layout::OpenAi008 => {
            if let Some(recipient) = recipient {
                literal(&format!(" to={recipient}"), ids);
            }
            if let Some(channel) = &message.channel {
                ids.push(token::CHANNEL);
                literal(channel, ids);
            }
        }
    }
    if let Some(content_type) = &message.content_type {
        if message.constrained {
            literal(" ", ids);
            ids.push(token::CONSTRAIN);
            literal(content_type, ids);
        } else {
            literal(&format!(" {content_type}"), ids);
        }
    }
    ids.push(token::MESSAGE);
    literal(&message.content, ids);
    let calls = message.role == Role::Assistant && recipient.is_some();
    ids.push(if calls { token::CALL } else { token::END });
}

/// Whatever a message holds is ordinary text: nobody can write a special token into a prompt.
fn literal(text: &str, ids: &mut Vec<u32>) {
    encode_into(text, SpecialText::Literal, ids);
}
