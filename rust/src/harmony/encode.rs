//! Text to ids.

use memchr::memmem;

use super::bpe::ranks;
use super::pretokenize::pieces;
use super::token::{Special, special_at_start_of};

/// What the text of a special token means in the input of [`encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialText {
    /// It becomes the special id: for prompts written as Harmony text.
    Token,
    /// It becomes the special id if it gives a conversation its structure (`<|start|>`, `<|end|>`, ...), and stays
    /// ordinary text otherwise: decoding gives every byte back.
    Structure,
    /// It stays ordinary text: for everything that a user or a tool wrote.
    Literal,
}

/// Ids of `text`, equal to those of the reference tokenizer.
pub fn encode(text: &str, special: SpecialText) -> Vec<u32> {
    let mut ids = Vec::with_capacity(text.len() / 3);
    encode_into(text, special, &mut ids);
    ids
}

/// Appends the ids of `text`.
pub fn encode_into(text: &str, special: SpecialText, ids: &mut Vec<u32>) {
    let mut scratch = Vec::new();
    let mut ordinary = |part: &str, ids: &mut Vec<u32>| {
        for piece in pieces(part) {
            ranks().encode_piece(piece, &mut scratch, ids);
        }
    };
    let mut rest = 0;
    if special != SpecialText::Literal {
        for at in memmem::find_iter(text.as_bytes(), b"<|") {
            let found = special_at_start_of(&text.as_bytes()[at..])
                .filter(|(id, _)| special == SpecialText::Token || Special::from_id(*id).is_some());
            if let Some((id, length)) = found {
                ordinary(&text[rest..at], ids);
                ids.push(id);
                rest = at + length;
            }
        }
    }
    ordinary(&text[rest..], ids);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmony::decode::decode;
    use proptest::prelude::*;

    #[test]
    fn special_texts_are_tokens_only_where_asked() {
        assert_eq!(encode("<|end|>", SpecialText::Token), [200_007]);
        assert_eq!(encode("<|end|>", SpecialText::Literal), [27, 91, 419, 91, 29]);
        assert_eq!(encode("<|<|call|>|>", SpecialText::Token), [27, 91, 200_012, 91, 29]);
        assert_eq!(encode(" to=functions.python", SpecialText::Token), [316, 28, 44580, 100_236]);
    }

    proptest! {
        #[test]
        fn decoding_gives_the_text_back(text in any::<String>()) {
            prop_assert_eq!(decode(&encode(&text, SpecialText::Literal)).unwrap(), text.clone());
            prop_assert_eq!(decode(&encode(&text, SpecialText::Structure)).unwrap(), text.clone());
            prop_assert_eq!(decode(&encode(&text, SpecialText::Token)).unwrap(), text);
        }
    }
}
