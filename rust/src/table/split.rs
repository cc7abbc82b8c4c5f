//! Samples divided by problem, so that each part can be counted on its own.

use super::columns::{Columns, NONE};

impl Columns {
    /// `buckets` parts; a problem's samples are all in the one that its name says, on every machine. Damage and lines stay
    /// with the first. Problems must have names: call [`Columns::name_by_line`] first.
    pub fn split(self, buckets: usize) -> Vec<Self> {
        let mut parts: Vec<Self> = (0..buckets.max(1)).map(|_| Self::default()).collect();
        let homes: Vec<(usize, u32)> = self
            .names
            .iter()
            .zip(&self.problems)
            .map(|(name, facts)| {
                let home = (stable_hash(name) % parts.len() as u64) as usize;
                let part = &mut parts[home];
                let number = part.names.intern(name);
                let mut facts = *facts;
                for given in [&mut facts.gold, &mut facts.subset] {
                    if given.text != NONE {
                        given.text = part.texts.intern(self.texts.get(given.text));
                    }
                }
                part.problems.push(facts);
                (home, number)
            })
            .collect();
        for (at, sample) in self.samples.iter().enumerate() {
            let (home, problem) = homes[sample.problem as usize];
            let part = &mut parts[home];
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
        for (problem, place) in self.conflicts.0 {
            let (home, problem) = homes[problem as usize];
            parts[home].conflicts.0.insert(problem, place);
        }
        for (problem, place) in self.conflicts.1 {
            let (home, problem) = homes[problem as usize];
            parts[home].conflicts.1.insert(problem, place);
        }
        parts[0].damage = self.damage;
        parts[0].ranges = self.ranges;
        parts
    }
}

/// FNV-1a: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}
