//! Samples divided by problem, so that each part can be counted on its own.

use super::columns::{Columns, NONE, Problem, Unnamed};
use std::collections::HashMap;

impl Columns {
    /// `buckets` parts by problem, and a last one with what belongs to none of them: damage, lines, and rows without a name,
    /// which [`Columns::name_by_line`] names once all ranges of their files are in. A problem's samples are all in the bucket
    /// that its name says, on every machine.
    pub fn split(self, buckets: usize) -> Vec<Self> {
        let mut parts: Vec<Self> = (0..=buckets.max(1)).map(|_| Self::default()).collect();
        let rest = parts.len() - 1;
        let homes: Vec<(usize, u32)> = self
            .names
            .iter()
            .zip(&self.problems)
            .map(|(name, facts)| {
                let home = if is_anonymous(name) { rest } else { (stable_hash(name) % rest as u64) as usize };
                (home, parts[home].adopt(name, facts, &self))
            })
            .collect();
        let mut numbers = HashMap::with_capacity(self.unnamed.len());
        let lines: HashMap<u32, _> = self.unnamed.iter().map(|row| (row.sample, row.place)).collect();
        for (at, sample) in self.samples.iter().enumerate() {
            let (home, problem) = homes[sample.problem as usize];
            let part = &mut parts[home];
            if let Some(place) = lines.get(&(at as u32)) {
                numbers.insert(at as u32, Unnamed { sample: part.samples.len() as u32, place: *place });
            }
            let mut sample = *sample;
            sample.problem = problem;
            if sample.answer != NONE {
                sample.answer = part.texts.intern(self.texts.get(sample.answer));
            }
            part.samples.push(sample);
            if let Some(reward) = self.rewards.get(at) {
                part.rewards.push(*reward);
            }
        }
        parts[rest].unnamed = self.unnamed.iter().filter_map(|row| numbers.remove(&row.sample)).collect();
        for problem in self.conflicts.0 {
            let (home, problem) = homes[problem as usize];
            parts[home].conflicts.0.insert(problem);
        }
        for problem in self.conflicts.1 {
            let (home, problem) = homes[problem as usize];
            parts[home].conflicts.1.insert(problem);
        }
        parts[rest].damage = self.damage;
        parts[rest].ranges = self.ranges;
        parts
    }

    /// Takes in a problem of `other`; returns its number here.
    fn adopt(&mut self, name: &str, facts: &Problem, other: &Self) -> u32 {
        let mut facts = *facts;
        for given in [&mut facts.gold, &mut facts.subset] {
            if given.text != NONE {
                given.text = self.texts.intern(other.texts.get(given.text));
            }
        }
        if is_anonymous(name) {
            let number = self.anonymous();
            self.problems[number as usize] = facts;
            return number;
        }
        self.problems.push(facts);
        self.names.intern(name)
    }
}

/// Whether this stands for the name that a row lacks, until its line is known.
pub fn is_anonymous(name: &str) -> bool {
    name.starts_with('\u{0}') && !name.starts_with("\u{0}\u{0}")
}

/// FNV-1a: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}
