//! Rows of a file mostly have the same keys in the same order: the bytes between two values are then those of the last row,
//! and one comparison stands for reading the key.

use super::damage::Kind;
use super::json::{Members, Value};
use super::marks::Marked;

/// Keys that the metrics read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The key that names the problem.
    Id,
    /// `problem`.
    Problem,
    /// `predicted_answer`.
    Answer,
    /// `generation`.
    Generation,
    /// `expected_answer`.
    Gold,
    /// `subset_for_metrics`.
    Subset,
    /// `symbolic_correct`.
    Symbolic,
    /// `judgement`.
    Judgement,
    /// `grade_reason`.
    Reason,
    /// `num_generated_tokens`.
    Tokens,
    /// `reward_model_score`.
    Reward,
    /// `generation_start_time`.
    Start,
    /// `generation_end_time`.
    End,
    /// A key that no metric reads.
    Other,
}

/// How many slots keep a value.
pub const SLOTS: usize = Slot::Other as usize;

impl Slot {
    fn of(key: &[u8], id_key: &str) -> Self {
        match key {
            _ if key == id_key.as_bytes() => Self::Id,
            b"problem" => Self::Problem,
            b"predicted_answer" => Self::Answer,
            b"generation" => Self::Generation,
            b"expected_answer" => Self::Gold,
            b"subset_for_metrics" => Self::Subset,
            b"symbolic_correct" => Self::Symbolic,
            b"judgement" => Self::Judgement,
            b"grade_reason" => Self::Reason,
            b"num_generated_tokens" => Self::Tokens,
            b"reward_model_score" => Self::Reward,
            b"generation_start_time" => Self::Start,
            b"generation_end_time" => Self::End,
            _ => Self::Other,
        }
    }
}

#[derive(Debug)]
struct Expected {
    /// Everything between the value before and the value: comma, key, colon, spaces.
    head: Box<[u8]>,
    slot: Slot,
    print: u64,
}

/// The keys of the last row that had others than the row before it; no key twice.
#[derive(Debug, Default)]
pub struct Layout {
    members: Vec<Expected>,
    prints: Vec<u64>,
    doubled: bool,
}

/// Reads one row's members by a layout, and brings the layout up to date.
#[derive(Debug)]
pub struct Walk<'l, 'a, 'm> {
    layout: &'l mut Layout,
    members: Members<'a, 'm>,
    row: &'a [u8],
    number: usize,
    as_expected: bool,
}

impl Layout {
    /// Starts to read a row, which has no line end.
    pub fn walk<'l, 'a, 'm>(&'l mut self, row: Marked<'a, 'm>) -> Result<Walk<'l, 'a, 'm>, Kind> {
        if self.doubled {
            // This row must not be taken for one without doubles.
            self.members.clear();
            self.doubled = false;
        }
        let members = Members::new(row)?;
        Ok(Walk { layout: self, members, row: row.bytes, number: 0, as_expected: true })
    }
}

impl Walk<'_, '_, '_> {
    /// What the next key is for; None after the last. [`Walk::value`] must follow.
    #[inline]
    pub fn key(&mut self, id_key: &str) -> Result<Option<Slot>, Kind> {
        if self.members.at_end() {
            return Ok(None);
        }
        let expected = self.layout.members.get(self.number);
        let slot = match expected.filter(|expected| self.members.skip(&expected.head)) {
            Some(expected) => Some(expected.slot),
            None => self.surprise(id_key)?,
        };
        self.number += 1;
        Ok(slot)
    }

    /// The value of the key that was read.
    #[inline]
    pub fn value(&mut self) -> Result<Value, Kind> {
        self.members.value()
    }

    /// Whether a key that no metric reads came twice. Those that one reads are the caller's to look after.
    pub fn doubled(&self) -> bool {
        self.layout.doubled
    }

    /// Reads a key that was not expected, if there is one, and says what it is for; from here on the layout is that of this row.
    fn surprise(&mut self, id_key: &str) -> Result<Option<Slot>, Kind> {
        let start = self.members.position();
        let Some(key) = self.members.key()? else { return Ok(None) };
        let head = self.row[start..self.members.position()].into();
        let slot = Slot::of(key, id_key);
        let print = fingerprint(key);
        self.layout.members.truncate(self.number);
        if self.as_expected {
            self.as_expected = false;
            self.layout.prints.clear();
            let Layout { members, prints, .. } = &mut *self.layout;
            prints.extend(members.iter().map(|member| member.print));
        }
        self.layout.doubled |= self.layout.prints.contains(&print);
        self.layout.prints.push(print);
        self.layout.members.push(Expected { head, slot, print });
        Ok(Some(slot))
    }
}

/// Keys of a row with equal prints are taken for equal: length, first and last eight bytes.
fn fingerprint(key: &[u8]) -> u64 {
    let (head, tail) = match (key.first_chunk(), key.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (key.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    head ^ tail.rotate_left(29) ^ (key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
