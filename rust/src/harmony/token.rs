//! Ids and names of the special tokens of the `o200k_harmony` vocabulary.

use std::borrow::Cow;

/// `<|endoftext|>`: padding, and one of the ids at which the model stops.
pub const ENDOFTEXT: u32 = 199_999;
/// `<|return|>`: end of the whole turn.
pub const RETURN: u32 = 200_002;
/// `<|constrain|>`: introduces the content type in a header.
pub const CONSTRAIN: u32 = 200_003;
/// `<|channel|>`: introduces the channel in a header.
pub const CHANNEL: u32 = 200_005;
/// `<|start|>`: a message begins; its header follows.
pub const START: u32 = 200_006;
/// `<|end|>`: a message ends.
pub const END: u32 = 200_007;
/// `<|message|>`: the header ends; the content follows.
pub const MESSAGE: u32 = 200_008;
/// `<|call|>`: a message ends and a tool is called.
pub const CALL: u32 = 200_012;
/// Lowest special id: ordinary tokens are `0..FIRST_SPECIAL`.
pub const FIRST_SPECIAL: u32 = 199_998;
/// Number of ids; an id at or above it is not a token.
pub const VOCABULARY_SIZE: u32 = 201_088;

/// The eight special tokens that give a conversation its structure.
///
/// The others (`<|startoftext|>`, `<|reserved_N|>`) have no role in the format and are read as their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// `<|start|>`
    Start,
    /// `<|message|>`
    Message,
    /// `<|channel|>`
    Channel,
    /// `<|constrain|>`
    Constrain,
    /// `<|end|>`
    End,
    /// `<|call|>`
    Call,
    /// `<|return|>`
    Return,
    /// `<|endoftext|>`
    EndOfText,
}

impl Special {
    /// Every structural token.
    pub const ALL: [Self; 8] = [
        Self::Start,
        Self::Message,
        Self::Channel,
        Self::Constrain,
        Self::End,
        Self::Call,
        Self::Return,
        Self::EndOfText,
    ];
    /// Length in bytes of the longest text.
    pub const LONGEST_TEXT: usize = 13;

    /// The structural token of an id.
    pub fn from_id(id: u32) -> Option<Self> {
        match id {
            START => Some(Self::Start),
            MESSAGE => Some(Self::Message),
            CHANNEL => Some(Self::Channel),
            CONSTRAIN => Some(Self::Constrain),
            END => Some(Self::End),
            CALL => Some(Self::Call),
            RETURN => Some(Self::Return),
            ENDOFTEXT => Some(Self::EndOfText),
            _ => None,
        }
    }

    /// Its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Start => "<|start|>",
            Self::Message => "<|message|>",
            Self::Channel => "<|channel|>",
            Self::Constrain => "<|constrain|>",
            Self::End => "<|end|>",
            Self::Call => "<|call|>",
            Self::Return => "<|return|>",
            Self::EndOfText => "<|endoftext|>",
        }
    }

    /// The token whose text `bytes` begins with.
    pub fn at_start_of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|special| bytes.starts_with(special.text().as_bytes()))
    }
}

/// Text of a special id, for example `<|start|>` or `<|reserved_200018|>`; `None` for ordinary and unknown ids.
pub fn special_text(id: u32) -> Option<Cow<'static, str>> {
    if let Some(special) = Special::from_id(id) {
        return Some(special.text().into());
    }
    match id {
        FIRST_SPECIAL => Some("<|startoftext|>".into()),
        200_000..VOCABULARY_SIZE => Some(format!("<|reserved_{id}|>").into()),
        _ => None,
    }
}

/// The special token that `bytes` begins with: its id and the length of its text.
///
/// 200018 is known under two names: `<|reserved_200018|>`, which decoding writes, and `<|endofprompt|>`.
pub fn special_at_start_of(bytes: &[u8]) -> Option<(u32, usize)> {
    const OTHERS: [(&str, u32); 2] = [("<|startoftext|>", FIRST_SPECIAL), ("<|endofprompt|>", 200_018)];
    const STRUCTURAL: [u32; 8] = [START, MESSAGE, CHANNEL, CONSTRAIN, END, CALL, RETURN, ENDOFTEXT];
    for (special, id) in Special::ALL.into_iter().zip(STRUCTURAL) {
        if bytes.starts_with(special.text().as_bytes()) {
            return Some((id, special.text().len()));
        }
    }
    for (text, id) in OTHERS {
        if bytes.starts_with(text.as_bytes()) {
            return Some((id, text.len()));
        }
    }
    let digits = bytes.strip_prefix(b"<|reserved_")?.get(..8)?.strip_suffix(b"|>")?;
    let id: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let reserved = (200_000..VOCABULARY_SIZE).contains(&id) && Special::from_id(id).is_none();
    (reserved && digits[0] != b'+').then_some((id, "<|reserved_200018|>".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_id_has_a_text_that_names_it() {
        for id in FIRST_SPECIAL..VOCABULARY_SIZE {
            let text = special_text(id).unwrap();
            assert_eq!(special_at_start_of(text.as_bytes()), Some((id, text.len())), "{text}");
        }
        assert_eq!(special_text(FIRST_SPECIAL - 1), None);
        assert_eq!(special_text(VOCABULARY_SIZE), None);
    }

    #[test]
    fn names_of_no_token_are_text() {
        for text in [
            "<|reserved_201088|>",
            "<|reserved_200002|>",
            "<|reserved_+20018|>",
            "<|refusal|>",
            "<|",
            "<|reserved_",
        ] {
            assert_eq!(special_at_start_of(text.as_bytes()), None, "{text}");
        }
        assert_eq!(special_at_start_of(b"<|endofprompt|>"), Some((200_018, 15)));
    }

    #[test]
    fn the_longest_text_is_known() {
        assert_eq!(
            Special::ALL.map(|special| special.text().len()).into_iter().max(),
            Some(Special::LONGEST_TEXT)
        );
    }
}
