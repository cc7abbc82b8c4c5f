//! The samples of a part of the input, in columns: what is left of rows once they are read.

use super::damage::{Damage, Place};
use super::fields::Row;
use super::intern::Interner;
use super::samples::Samples;
use super::split::is_anonymous;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// In place of a number: there is none.
pub const NONE: u32 = u32::MAX;

/// What labels a sample carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// `symbolic_correct` is there.
    pub const HAS_SYMBOLIC: Self = Self(1);
    /// `symbolic_correct` is true.
    pub const SYMBOLIC: Self = Self(2);
    /// `judgement` is there.
    pub const HAS_JUDGED: Self = Self(4);
    /// The judge says yes.
    pub const JUDGED: Self = Self(8);
    /// Neither proved right nor proved wrong.
    pub const UNDECIDED: Self = Self(16);
    /// `num_generated_tokens` is there.
    pub const HAS_TOKENS: Self = Self(32);

    /// From [`Flags::bits`].
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// As a number.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Whether this flag is set.
    pub fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        }
    }
}

/// One sample: 24 bytes, so that ten million of them fit where their rows would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// File number (16 bits) and offset of the row in it (48 bits): the order of samples.
    pub place: u64,
    /// Number of the problem; [`NONE`] until rows without a name are matched by line.
    pub problem: u32,
    /// Number of the answer, or [`NONE`].
    pub answer: u32,
    /// Sampled tokens.
    pub tokens: u32,
    /// Labels.
    pub flags: Flags,
}

/// What is known of a problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Problem {
    /// Its expected answer and the first place that gives it.
    pub gold: Given,
    /// Its subset, a number among the answers.
    pub subset: Given,
    /// Earliest start of a sample, unix seconds; infinite if unknown.
    pub start_s: f64,
    /// Latest end of a sample; negative infinite if unknown.
    pub end_s: f64,
}

impl Problem {
    const UNKNOWN: Self = Self {
        gold: Given::NOTHING,
        subset: Given::NOTHING,
        start_s: f64::INFINITY,
        end_s: f64::NEG_INFINITY,
    };
}

/// A text and the first place that gives it. Other texts for the same thing are conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// Where.
    pub place: u64,
    /// The text's number, or [`NONE`].
    pub text: u32,
}

impl Given {
    const NOTHING: Self = Self { place: u64::MAX, text: NONE };

    /// The earlier of two, and whether they differ.
    fn join(self, other: Self) -> (Self, bool) {
        (self.min(other), self.text != NONE && other.text != NONE && self.text != other.text)
    }
}

/// A sample that only its line can match with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unnamed {
    /// Index of the sample.
    pub sample: u32,
    /// Where its row stands.
    pub place: Place,
}

/// Samples of any part of the input. Parts merge in any order with equal results.
#[derive(Debug, Default)]
pub struct Columns {
    /// Names of problems.
    pub names: Interner,
    /// What is known of each.
    pub problems: Vec<Problem>,
    /// Distinct answers, expected answers and subsets.
    pub texts: Interner,
    /// The samples.
    pub samples: Samples,
    /// `reward_model_score` of each sample, not a number where it has none; empty if no sample has one.
    pub rewards: Vec<f64>,
    /// Samples whose problem has no name.
    pub unnamed: Vec<Unnamed>,
    /// Problems with more than one expected answer (first) or subset (second).
    pub conflicts: (BTreeSet<u32>, BTreeSet<u32>),
    /// Damaged rows.
    pub damage: Damage,
    /// Lines of each range, by file number and offset.
    pub ranges: BTreeMap<(u32, u64), u64>,
    last: u32,
}

const OFFSETS: u64 = (1 << 48) - 1;

/// File number and offset as one number.
pub fn place(file: u32, offset: u64) -> u64 {
    u64::from(file) << 48 | offset
}

impl Columns {
    /// Adds a row that starts at `offset` of its file.
    pub fn add(&mut self, row: &Row<'_>, offset: u64, line: Place) {
        let at = place(line.file, offset);
        let mut flags = Flags::default();
        flags.set(Flags::HAS_SYMBOLIC, row.symbolic.is_some());
        flags.set(Flags::SYMBOLIC, row.symbolic == Some(true));
        flags.set(Flags::HAS_JUDGED, row.judged.is_some());
        flags.set(Flags::JUDGED, row.judged == Some(true));
        flags.set(Flags::UNDECIDED, row.undecided);
        flags.set(Flags::HAS_TOKENS, row.tokens.is_some());
        let problem = if let Some(name) = &row.problem {
            if name.first() == Some(&0) {
                self.problem(&[b"\0", &**name].concat())
            } else {
                self.problem(name)
            }
        } else {
            // Its own until all lines are counted.
            self.unnamed.push(Unnamed { sample: self.samples.len() as u32, place: line });
            self.anonymous()
        };
        let mut given = |text: Option<&[u8]>| match text {
            Some(text) => Given { place: at, text: self.texts.intern_bytes(text) },
            None => Given::NOTHING,
        };
        let facts = Problem {
            gold: given(row.gold.as_deref()),
            subset: given(row.subset.as_deref()),
            start_s: row.start_s.unwrap_or(f64::INFINITY),
            end_s: row.end_s.unwrap_or(f64::NEG_INFINITY),
        };
        let answer = row.answer.as_deref().map_or(NONE, |answer| self.texts.intern_bytes(answer));
        self.learn(problem, facts);
        self.reward(row.reward.unwrap_or(f64::NAN));
        self.samples.push(Sample { place: at, problem, answer, tokens: row.tokens.unwrap_or(0), flags });
    }

    /// Files list the same problems in the same order, or a problem's samples together: mostly the name is that of the
    /// problem after the last one, or of the last one itself, and need not be hashed.
    #[inline]
    fn problem(&mut self, name: &[u8]) -> u32 {
        for guess in [self.last + 1, self.last] {
            if self.names.is(guess, name) {
                self.last = guess;
                return guess;
            }
        }
        self.last = self.names.intern_bytes(name);
        if self.last as usize == self.problems.len() {
            self.problems.push(Problem::UNKNOWN);
        }
        self.last
    }

    /// A problem whose name is not known yet. No row can have this name: to one that begins with NUL another is added.
    pub(super) fn anonymous(&mut self) -> u32 {
        let name = format!("\u{0}{}", self.problems.len());
        let number = self.names.intern(&name);
        self.problems.push(Problem::UNKNOWN);
        number
    }

    #[inline]
    fn learn(&mut self, problem: u32, facts: Problem) {
        if facts == Problem::UNKNOWN {
            return;
        }
        let known = &mut self.problems[problem as usize];
        let (gold, other_gold) = known.gold.join(facts.gold);
        let (subset, other_subset) = known.subset.join(facts.subset);
        *known = Problem {
            gold,
            subset,
            start_s: known.start_s.min(facts.start_s),
            end_s: known.end_s.max(facts.end_s),
        };
        if other_gold {
            self.conflicts.0.insert(problem);
        }
        if other_subset {
            self.conflicts.1.insert(problem);
        }
    }

    #[inline]
    fn reward(&mut self, reward: f64) {
        if !reward.is_nan() && self.rewards.is_empty() {
            self.rewards = vec![f64::NAN; self.samples.len()];
        }
        if !reward.is_nan() || !self.rewards.is_empty() {
            self.rewards.push(reward);
        }
    }

    /// Adds another part of the input.
    pub fn merge(&mut self, mut other: Self) {
        if self.samples.is_empty() && self.names.is_empty() && self.texts.is_empty() {
            let Self { damage, ranges, .. } = std::mem::replace(self, other);
            self.damage.merge(damage);
            self.ranges.extend(ranges);
            return;
        }
        let texts: Vec<u32> = other.texts.iter().map(|text| self.texts.intern(text)).collect();
        let text = |number: u32| if number == NONE { NONE } else { texts[number as usize] };
        let given = |given: Given| Given { place: given.place, text: text(given.text) };
        let mut problems = Vec::with_capacity(other.problems.len());
        for (name, facts) in other.names.iter().zip(&other.problems) {
            let problem = if is_anonymous(name) { self.anonymous() } else { self.problem(name.as_bytes()) };
            problems.push(problem);
            self.learn(problem, Problem { gold: given(facts.gold), subset: given(facts.subset), ..*facts });
        }
        for (own, others) in
            [(&mut self.conflicts.0, other.conflicts.0), (&mut self.conflicts.1, other.conflicts.1)]
        {
            own.extend(others.into_iter().map(|problem| problems[problem as usize]));
        }
        let before = self.samples.len() as u32;
        self.unnamed.extend(
            other.unnamed.iter().map(|row| Unnamed { sample: row.sample + before, place: row.place }),
        );
        if !self.rewards.is_empty() || !other.rewards.is_empty() {
            self.rewards.resize(self.samples.len(), f64::NAN);
            self.rewards.extend(&other.rewards);
            self.rewards.resize(self.samples.len() + other.samples.len(), f64::NAN);
        }
        for sample in other.samples.iter_mut() {
            sample.problem = problems[sample.problem as usize];
            sample.answer = text(sample.answer);
        }
        self.samples.append(other.samples);
        self.damage.merge(other.damage);
        self.ranges.extend(other.ranges);
    }

    /// The line of a place in its file, from 1, once all ranges of the file are in.
    pub fn line(&self, place: Place) -> u64 {
        let before: u64 =
            self.ranges.range((place.file, 0)..(place.file, place.range)).map(|(_, lines)| *lines).sum();
        before + place.line + 1
    }

    /// Gives problems without a name the name `line N`: line N of every file is then the same problem. Call it when all
    /// ranges of the files are in.
    pub fn name_by_line(&mut self) {
        if self.unnamed.is_empty() {
            return;
        }
        let mut starts: HashMap<(u32, u64), u64> = HashMap::new();
        let mut sums: HashMap<u32, u64> = HashMap::new();
        for ((file, range), lines) in &self.ranges {
            let sum = sums.entry(*file).or_default();
            starts.insert((*file, *range), *sum);
            *sum += lines;
        }
        let unnamed = std::mem::take(&mut self.unnamed);
        let mut renamed: HashMap<u32, String> = HashMap::with_capacity(unnamed.len());
        for row in unnamed {
            let line =
                starts.get(&(row.place.file, row.place.range)).copied().unwrap_or(0) + row.place.line + 1;
            renamed.insert(self.samples[row.sample as usize].problem, format!("line {line}"));
        }
        let mut names = Interner::default();
        let mut problems: Vec<Problem> = Vec::new();
        std::mem::swap(&mut problems, &mut self.problems);
        let old = std::mem::take(&mut self.names);
        std::mem::swap(&mut names, &mut self.names);
        let conflicts = std::mem::take(&mut self.conflicts);
        self.last = 0;
        let mut numbers = Vec::with_capacity(problems.len());
        for (number, (name, facts)) in old.iter().zip(problems).enumerate() {
            let name = renamed.get(&(number as u32)).map_or(name, String::as_str);
            let number = self.problem(name.as_bytes());
            numbers.push(number);
            self.learn(number, facts);
        }
        self.conflicts.0.extend(conflicts.0.into_iter().map(|problem| numbers[problem as usize]));
        self.conflicts.1.extend(conflicts.1.into_iter().map(|problem| numbers[problem as usize]));
        for sample in self.samples.iter_mut() {
            sample.problem = numbers[sample.problem as usize];
        }
    }

    /// Makes samples that were read as file 0 from offset 0 those of `file` from `offset` on.
    pub fn move_to(&mut self, file: u32, offset: u64) {
        self.moved(&|_| file, offset);
    }

    /// Gives files new numbers: file `n` becomes `numbers[n]`. Numbers must rise with n, so that the order of samples stays.
    ///
    /// # Errors
    /// The number of the first file that has no new one; the columns are as they were.
    pub fn renumber(&mut self, numbers: &[u32]) -> Result<(), u32> {
        let places = self.samples.iter().map(|sample| (sample.place >> 48) as u32);
        let damaged = self.damage.iter().map(|(file, ..)| file);
        let ranges = self.ranges.keys().map(|(file, _)| *file);
        if let Some(unknown) =
            places.chain(damaged).chain(ranges).find(|file| *file as usize >= numbers.len())
        {
            return Err(unknown);
        }
        self.moved(&|file| numbers.get(file as usize).copied().unwrap_or(file), 0);
        Ok(())
    }

    fn moved(&mut self, number: &dyn Fn(u32) -> u32, offset: u64) {
        let moved = |at: u64| place(number((at >> 48) as u32), (at & OFFSETS) + offset);
        for sample in self.samples.iter_mut() {
            sample.place = moved(sample.place);
        }
        for facts in &mut self.problems {
            for given in [&mut facts.gold, &mut facts.subset] {
                if given.text != NONE {
                    given.place = moved(given.place);
                }
            }
        }
        for row in &mut self.unnamed {
            row.place = row.place.moved(number(row.place.file), offset);
        }
        let ranges = std::mem::take(&mut self.ranges);
        self.ranges =
            ranges.into_iter().map(|((at, range), lines)| ((number(at), range + offset), lines)).collect();
        self.damage = std::mem::take(&mut self.damage).moved(number, offset);
    }

    /// Bytes held, about.
    pub fn size(&self) -> usize {
        self.samples.size()
            + self.problems.capacity() * size_of::<Problem>()
            + self.rewards.capacity() * size_of::<f64>()
            + self.names.size()
            + self.texts.size()
    }
}
