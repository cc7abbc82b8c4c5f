//! What is wrong with rows, counted by kind, with the places of the first of each.

use std::collections::BTreeMap;

/// A way in which a row is damaged. The rule for all: a row is kept when everything the metrics read from it is whole and
/// unambiguous, and set aside otherwise; either way it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The row ends inside its object: a writer died.
    CutRow,
    /// Not a JSON object.
    NotAnObject,
    /// Text after the object's end.
    TextAfterRow,
    /// A run of NUL bytes: a file system lost a block. What follows it on the line is read.
    NulBytes,
    /// Bytes that are not UTF-8.
    BadUtf8,
    /// A raw control character inside a string.
    ControlCharacter,
    /// Half of a surrogate pair, which no text can hold.
    LoneSurrogate,
    /// `NaN` or `Infinity`, which JSON lacks.
    NotANumber,
    /// A key twice: readers disagree on which one counts.
    DuplicateKey,
    /// A number where an answer is text; read as its digits.
    NumberForText,
    /// A value of a type its key cannot have.
    WrongType,
    /// Neither an answer nor a text to find one in, or nothing to grade it by.
    MissingKey,
    /// Longer than any row that this program reads.
    TooLong,
    /// Other JSON errors; looked for under `strict` only.
    InvalidJson,
    /// The problem has another expected answer elsewhere; the first in file order is used.
    ConflictingGold,
    /// The problem has another subset elsewhere; the first in file order is used.
    ConflictingSubset,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 16] = [
        Self::CutRow,
        Self::NotAnObject,
        Self::TextAfterRow,
        Self::NulBytes,
        Self::BadUtf8,
        Self::ControlCharacter,
        Self::LoneSurrogate,
        Self::NotANumber,
        Self::DuplicateKey,
        Self::NumberForText,
        Self::WrongType,
        Self::MissingKey,
        Self::TooLong,
        Self::InvalidJson,
        Self::ConflictingGold,
        Self::ConflictingSubset,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::CutRow => "cut_row",
            Self::NotAnObject => "not_an_object",
            Self::TextAfterRow => "text_after_row",
            Self::NulBytes => "nul_bytes",
            Self::BadUtf8 => "bad_utf8",
            Self::ControlCharacter => "control_character",
            Self::LoneSurrogate => "lone_surrogate",
            Self::NotANumber => "not_a_number",
            Self::DuplicateKey => "duplicate_key",
            Self::NumberForText => "number_for_text",
            Self::WrongType => "wrong_type",
            Self::MissingKey => "missing_key",
            Self::TooLong => "too_long",
            Self::InvalidJson => "invalid_json",
            Self::ConflictingGold => "conflicting_gold",
            Self::ConflictingSubset => "conflicting_subset",
        }
    }

    /// The kind of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Where a row stands: its file's number in the plan, the start of the range it was read in, and its line in that range
/// (from 0). Ranges are read side by side, so the line in the file is known only when all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the file.
    pub file: u32,
    /// Byte offset of the range.
    pub range: u64,
    /// Line in the range, from 0.
    pub line: u64,
}

impl Place {
    /// As seen from a file that this one is part of, or as which it is known elsewhere.
    #[must_use]
    pub fn moved(self, file: u32, offset: u64) -> Self {
        Self { file, range: self.range + offset, line: self.line }
    }
}

/// Damage of one kind in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// The first of them in file order, at most [`Damage::PLACES`].
    pub places: Vec<Place>,
}

/// Damaged rows by file, kind, and whether they were kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    counts: BTreeMap<(u32, Kind, bool), Count>,
}

impl Damage {
    /// Places remembered for each file and kind.
    pub const PLACES: usize = 20;

    /// Counts a row.
    pub fn add(&mut self, kind: Kind, kept: bool, place: Place) {
        let count = self.counts.entry((place.file, kind, kept)).or_default();
        count.rows += 1;
        insert(&mut count.places, place);
    }

    /// Adds what another part of the input holds.
    pub fn merge(&mut self, other: Self) {
        for (key, count) in other.counts {
            let own = self.counts.entry(key).or_default();
            own.rows += count.rows;
            for place in count.places {
                insert(&mut own.places, place);
            }
        }
    }

    /// With other numbers of files, from other offsets.
    #[must_use]
    pub fn moved(self, number: &dyn Fn(u32) -> u32, offset: u64) -> Self {
        let moved = |(key, mut count): ((u32, Kind, bool), Count)| {
            let file = number(key.0);
            count.places.iter_mut().for_each(|place| *place = place.moved(file, offset));
            ((file, key.1, key.2), count)
        };
        Self { counts: self.counts.into_iter().map(moved).collect() }
    }

    /// Puts back what [`Damage::iter`] gave.
    pub fn restore(&mut self, kind: Kind, kept: bool, file: u32, count: Count) {
        self.counts.insert((file, kind, kept), count);
    }

    /// File, kind, whether kept, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Kind, bool, &Count)> {
        self.counts.iter().map(|((file, kind, kept), count)| (*file, *kind, *kept, count))
    }
}

/// Keeps the smallest places, sorted: the same ones whatever the order they come in.
fn insert(places: &mut Vec<Place>, place: Place) {
    let at = places.partition_point(|other| *other < place);
    if at < Damage::PLACES {
        places.insert(at, place);
        places.truncate(Damage::PLACES);
    }
}
