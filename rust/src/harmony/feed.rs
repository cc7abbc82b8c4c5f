//! Feeds the machine with ids or text, skipping contents from one structural token to the next.

use memchr::memmem;

use super::machine::Machine;
use super::token::{FIRST_SPECIAL, Special, special_text};
use super::vocab::vocabulary;

/// Ids tested at once: the test of a block has no branch, so that it becomes vector instructions.
const BLOCK: usize = 32;

/// Index of the first id that is no ordinary token.
#[inline]
pub fn first_special(ids: &[u32]) -> Option<usize> {
    // The sign bit of the sum is set for ids from FIRST_SPECIAL on, that of the id for those where the sum overflows.
    const TO_SIGN_BIT: u32 = (1 << 31) - FIRST_SPECIAL;
    let (blocks, _) = ids.as_chunks::<BLOCK>();
    let has_special = |block: &[u32; BLOCK]| {
        block.iter().fold(0, |seen, id| seen | id.wrapping_add(TO_SIGN_BIT) | id) >> 31 == 1
    };
    let skipped = blocks.iter().take_while(|block| !has_special(block)).count() * BLOCK;
    let in_rest = ids[skipped..].iter().position(|&id| id >= FIRST_SPECIAL)?;
    Some(skipped + in_rest)
}

/// Feeds ids, the first of which stands at the position `at`.
pub fn ids(machine: &mut Machine, ids: &[u32], at: usize) {
    let mut index = 0;
    while index < ids.len() {
        if machine.is_in_content() {
            match first_special(&ids[index..]) {
                Some(skipped) => index += skipped,
                None => return,
            }
        }
        one_id(machine, ids[index], at + index);
        index += 1;
    }
}

fn one_id(machine: &mut Machine, id: u32, at: usize) {
    if id < FIRST_SPECIAL {
        machine.text(vocabulary().bytes(id).unwrap_or_default(), at, at + 1);
    } else if let Some(special) = Special::from_id(id) {
        machine.special(special, at, at + 1);
    } else if let Some(text) = special_text(id) {
        machine.text(text.as_bytes(), at, at + 1);
    } else {
        machine.unknown_token(at, at + 1);
    }
}

/// Feeds text, the first byte of which stands at the position `at`; says how much was fed. The end is held back when it
/// may be the beginning of a special token, unless nothing follows it.
pub fn text(machine: &mut Machine, text: &[u8], at: usize, is_last: bool) -> usize {
    let mut done = 0;
    for found in memmem::find_iter(text, b"<|") {
        let Some(special) = Special::at_start_of(&text[found..]) else { continue };
        machine.text(&text[done..found], at + done, at + found);
        done = found + special.text().len();
        machine.special(special, at + found, at + done);
    }
    let held = if is_last { 0 } else { beginning_of_special(&text[done..]) };
    let fed = text.len() - held;
    machine.text(&text[done..fed], at + done, at + fed);
    fed
}

/// Length of the end of `bytes` that may be the beginning of a special token.
fn beginning_of_special(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(Special::LONGEST_TEXT - 1);
    let may_begin =
        |tail: &[u8]| Special::ALL.iter().any(|special| special.text().as_bytes().starts_with(tail));
    (from..bytes.len())
        .find(|&at| bytes[at] == b'<' && may_begin(&bytes[at..]))
        .map_or(0, |at| bytes.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_special_is_found(before in prop::collection::vec(0..FIRST_SPECIAL, 0..200), id in FIRST_SPECIAL.., after in prop::collection::vec(any::<u32>(), 0..70)) {
            let ids = [&before[..], &[id], &after].concat();
            prop_assert_eq!(first_special(&ids), Some(before.len()));
            prop_assert_eq!(first_special(&before), None);
        }
    }
}
