//! Short texts as machine words: most keys, names and answers have at most 16 bytes, and a word is compared, searched and
//! hashed without a loop.

/// Texts up to this many bytes fit two words.
pub const SHORT: usize = 16;
const EACH: u64 = u64::from_le_bytes([1; 8]);

/// A text of at most [`SHORT`] bytes as two words, which overlap unless it has 16; texts of one length with equal words are
/// equal. None for longer ones.
#[inline]
pub fn words(text: &[u8]) -> Option<(u64, u64)> {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let words = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        return (text.len() <= SHORT).then_some(words);
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return Some((u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()));
    }
    Some(match text {
        [] => (0, 0),
        [one] => (u64::from(*one), 0),
        [first, .., last] => (u64::from(*first) | u64::from(text[1]) << 8, u64::from(*last)),
    })
}

/// Whether two texts are equal.
#[inline]
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (words(one), words(other)) {
        (Some(one), Some(other)) => one == other,
        _ if one.len() <= 2 * SHORT => {
            let ends = |text: &[u8]| {
                let (first, last) = (text.first_chunk::<SHORT>(), text.last_chunk::<SHORT>());
                first.zip(last).map(|(first, last)| (u128::from_le_bytes(*first), u128::from_le_bytes(*last)))
            };
            ends(one) == ends(other)
        }
        _ => one == other,
    }
}

/// Whether `text` begins like this.
#[inline]
pub fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len()).is_some_and(|start| equal(start, head))
}

/// Whether a byte other than 0 occurs in a text.
#[inline]
pub fn contains(text: &[u8], byte: u8) -> bool {
    // What a word lacks of eight bytes is 0. A byte found by mistake follows one found.
    let in_word = |word: u64| {
        let word = word ^ (EACH * u64::from(byte));
        word.wrapping_sub(EACH) & !word & (EACH << 7) != 0
    };
    match words(text) {
        Some((first, last)) => in_word(first) | in_word(last),
        None => memchr::memchr(byte, text).is_some(),
    }
}

/// Eight bytes of a text from one of its bytes on; behind its end, zeros. All zeros for a text of less than eight.
#[inline]
pub fn word_at(text: &[u8], at: usize) -> u64 {
    let Some(rest) = text.get(at..) else { return 0 };
    match (rest.first_chunk(), text.last_chunk()) {
        (Some(word), _) => u64::from_le_bytes(*word),
        (None, Some(last)) => u64::from_le_bytes(*last).unbounded_shr(64 - 8 * rest.len() as u32),
        (None, None) => 0,
    }
}

/// How many of a word's first bytes are digits.
#[inline]
pub fn digits(word: u64) -> u32 {
    // A digit without the bits of '0' is at most 9; what is added takes all else to a byte's highest bit.
    let value = word ^ (EACH * u64::from(b'0'));
    let above = ((value & (EACH * 0x7F)) + EACH * (0x80 - 10)) | value;
    (above & (EACH << 7)).trailing_zeros() / 8
}

/// The number that a word's first `length` bytes write, 1 to 8 digits.
#[inline]
pub fn whole(word: u64, length: u32) -> u32 {
    // Neighbours are joined: digits to pairs, pairs to fours, fours to one number. A word's first byte is its lowest.
    let each = word.wrapping_shl(64 - 8 * length) & (EACH * 0x0F);
    let pairs = (each.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(1 + (10_000 << 32)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_bytes(one in prop::collection::vec(0u8..3, 0..40), at in 0usize..40, byte in 0u8..3) {
            let mut other = one.clone();
            if let Some(changed) = other.get_mut(at) {
                *changed = byte;
            }
            prop_assert_eq!(equal(&one, &other), one == other);
            prop_assert!(!equal(&one, &[one.as_slice(), &[0]].concat()));
            prop_assert_eq!(starts_with(&one, &other[..at.min(one.len())]), one.starts_with(&other[..at.min(one.len())]));
            prop_assert_eq!(contains(&one, 2), one.contains(&2));
        }
    }

    proptest! {
        #[test]
        fn numbers(number in 0u32..100_000_000, after in prop::collection::vec(any::<u8>(), 0..9), before in 0usize..9) {
            let digit = number.to_string();
            let text = [&vec![b'x'; before], digit.as_bytes(), &after].concat();
            let word = word_at(&text, before);
            let expected = text[before..].iter().take(8).take_while(|byte| byte.is_ascii_digit()).count();
            if text.len() >= 8 {
                prop_assert_eq!(digits(word) as usize, expected);
                prop_assert_eq!(whole(word, digit.len() as u32), number);
            } else {
                prop_assert_eq!(word, 0);
            }
        }
    }

    #[test]
    fn lengths_of_all_kinds() {
        let text: Vec<u8> = (1..=40).collect();
        for length in 0..=40 {
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 0x80;
                assert!(!equal(&text[..length], &other), "{length} {at}");
                assert!(contains(&other, other[at]) && !contains(&text[..length], other[at]));
            }
        }
    }
}
