//! Which analysis of earlier turns a prompt leaves out.

use super::message::{Message, Role};

/// A rule. All of them look at the channel alone: calls on the analysis channel, as those of python, go too, and so
/// do their results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drop {
    /// Everything is kept.
    #[default]
    Nothing,
    /// openai-harmony's `auto_drop_analysis`: if the last assistant message is a final answer, analysis before the
    /// first final answer goes. Analysis between two final answers is kept.
    FirstFinal,
    /// vLLM's: analysis before the last final answer goes.
    LastFinal,
}

impl Drop {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::FirstFinal, Self::LastFinal];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::FirstFinal => "first-final",
            Self::LastFinal => "last-final",
        }
    }

    /// The rule of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// The messages that stay.
    pub fn kept(self, messages: &[Message]) -> impl Iterator<Item = &Message> {
        let is_assistant = |message: &&Message| message.role == Role::Assistant;
        let is_final = |message: &Message| message.role == Role::Assistant && in_channel(message, "final");
        let before = match self {
            Self::Nothing => None,
            Self::FirstFinal => messages
                .iter()
                .rfind(is_assistant)
                .filter(|last| is_final(last))
                .and_then(|_| messages.iter().position(is_final)),
            Self::LastFinal => messages.iter().rposition(is_final),
        };
        let before = before.unwrap_or(0);
        messages.iter().enumerate().filter_map(move |(index, message)| {
            (index >= before || !in_channel(message, "analysis")).then_some(message)
        })
    }
}

fn in_channel(message: &Message, channel: &str) -> bool {
    message.channel.as_deref() == Some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_rule_keeps() {
        let said = |channel: &str| Message::new(Role::Assistant, channel).in_channel(channel);
        let asked = || Message::new(Role::User, "q");
        let turns = [asked(), said("analysis"), said("final"), asked(), said("analysis"), said("final")];
        let kept = |rule: Drop, count: usize| -> String {
            rule.kept(&turns[..count]).map(|message| &message.content[..1]).collect()
        };
        assert_eq!(kept(Drop::Nothing, 6), "qafqaf");
        assert_eq!(kept(Drop::FirstFinal, 6), "qfqaf");
        assert_eq!(kept(Drop::LastFinal, 6), "qfqf");
        assert_eq!(kept(Drop::FirstFinal, 4), "qfq");
        assert_eq!(kept(Drop::FirstFinal, 5), "qafqa");
        assert_eq!(kept(Drop::LastFinal, 5), "qfqa");
        assert_eq!(kept(Drop::LastFinal, 2), "qa");
    }
}
