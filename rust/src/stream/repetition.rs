//! Finds out that a model has fallen into a loop: the end of what it wrote is one block again and again.
//!
//! A run with period `p` is a stretch in which every unit equals the one `p` places before it. The stream is looping
//! when its end is a run of at least [`Rule::least_repeats`] blocks and at least [`Rule::least_length`] units. Nothing is
//! guessed: units are compared, the hash only says where to compare. Memory is that of the longest period, work per unit
//! is constant.

/// When a run counts as a loop. A unit is a token id, or a byte of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Longest block that is looked for, in units.
    pub longest_period: usize,
    /// Blocks in a row.
    pub least_repeats: usize,
    /// Units in a row: short blocks have to repeat more often.
    pub least_length: usize,
}

impl Rule {
    /// For token ids. Tables, matrices and long runs of one digit stay far below it.
    pub const IDS: Self = Self { longest_period: 1024, least_repeats: 4, least_length: 512 };
    /// For bytes of text: about four to a token.
    pub const TEXT: Self = Self { longest_period: 4096, least_repeats: 4, least_length: 2048 };
}

/// A run that counts as a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Number of the unit with which the run began.
    pub start: usize,
    /// Length of the block.
    pub period: usize,
    /// Length of the run when it was long enough.
    pub length: usize,
}

/// Units that have to agree before a period is believed.
const WINDOW: usize = 16;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Watches one stream.
#[derive(Clone, Debug)]
pub struct Repetition {
    rule: Rule,
    /// The last units, in a ring whose size is a power of two.
    ring: Vec<u32>,
    /// Where a window with this hash ended last; its length is a power of two.
    seen: Vec<u64>,
    hash: u64,
    /// `FACTOR` to the power of the window.
    leaving: u64,
    count: usize,
    period: usize,
    /// How many units at the end equal the one a period before.
    matched: usize,
    found: Option<Loop>,
}

impl Repetition {
    /// A watch over an empty stream.
    pub fn new(rule: Rule) -> Self {
        let size = (rule.longest_period + WINDOW + 1).next_power_of_two();
        Self {
            rule,
            ring: vec![0; size],
            seen: vec![0; 2 * size],
            hash: 0,
            leaving: FACTOR.wrapping_pow(WINDOW as u32),
            count: 0,
            period: 0,
            matched: 0,
            found: None,
        }
    }

    /// Reads units; the first loop is kept.
    pub fn push(&mut self, units: impl IntoIterator<Item = u32>) {
        for unit in units {
            self.push_one(unit);
        }
    }

    /// The first loop.
    pub fn found(&self) -> Option<Loop> {
        self.found
    }

    fn push_one(&mut self, unit: u32) {
        let at = self.count;
        let leaves = if at < WINDOW { 0 } else { self.back(WINDOW) };
        let goes_on = self.period > 0 && self.back(self.period) == unit;
        let mask = self.ring.len() - 1;
        self.ring[at & mask] = unit;
        self.count += 1;
        let entering = (u64::from(unit) + 1).wrapping_mul(FACTOR);
        let left = if at < WINDOW { 0 } else { (u64::from(leaves) + 1).wrapping_mul(FACTOR) };
        self.hash = self
            .hash
            .wrapping_mul(FACTOR)
            .wrapping_add(entering)
            .wrapping_sub(left.wrapping_mul(self.leaving));
        let before = self.remember();
        if goes_on {
            self.matched += 1;
        } else {
            self.period = 0;
            self.believe(before);
        }
        let length = self.matched + self.period;
        let rule = &self.rule;
        let is_loop = self.period > 0
            && length >= rule.least_length
            && length >= rule.least_repeats.saturating_mul(self.period);
        if is_loop && self.found.is_none() {
            self.found = Some(Loop { start: self.count - length, period: self.period, length });
        }
    }

    /// The unit that stood `distance` places before the next one.
    fn back(&self, distance: usize) -> u32 {
        self.ring[self.count.wrapping_sub(distance) & (self.ring.len() - 1)]
    }

    /// Notes where this window ended; says where one with its hash ended before.
    fn remember(&mut self) -> usize {
        let slot = (self.hash >> 32) as usize & (self.seen.len() - 1);
        std::mem::replace(&mut self.seen[slot], self.count as u64) as usize
    }

    /// Takes the distance to `before` for the period if the window really is the same.
    fn believe(&mut self, before: usize) {
        let period = self.count - before;
        let is_known = before >= WINDOW && (1..=self.rule.longest_period).contains(&period);
        if is_known && (1..=WINDOW).all(|distance| self.back(distance) == self.back(distance + period)) {
            self.period = period;
            self.matched = WINDOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Rule = Rule { longest_period: 50, least_repeats: 4, least_length: 100 };

    fn found(rule: Rule, units: impl IntoIterator<Item = u32>) -> Option<Loop> {
        let mut watch = Repetition::new(rule);
        watch.push(units);
        watch.found()
    }

    #[test]
    fn counting_is_no_loop_and_saying_the_same_is() {
        assert_eq!(found(SMALL, 0..5000), None);
        let stuck = found(SMALL, (0..300).chain(std::iter::repeat_n(7, 200)));
        assert_eq!(stuck, Some(Loop { start: 300, period: 1, length: 100 }));
        assert_eq!(found(SMALL, std::iter::repeat_n(7, 99)), None);
    }

    /// Whether the end of `units` is a loop, by looking at every period.
    fn is_loop(rule: Rule, units: &[u32]) -> bool {
        (1..=rule.longest_period).any(|period| {
            let matched =
                (period..units.len()).rev().take_while(|&at| units[at] == units[at - period]).count();
            let length = matched + period;
            matched >= WINDOW && length >= rule.least_length && length >= rule.least_repeats * period
        })
    }

    proptest! {
        #[test]
        fn a_repeated_block_is_found(block in prop::collection::vec(0u32..3, 1..50), noise in prop::collection::vec(0u32..300_000, 0..200)) {
            let repeated = block.iter().copied().cycle().take(WINDOW + 100 + 5 * block.len());
            prop_assert!(found(SMALL, noise.into_iter().chain(repeated)).is_some());
        }

        #[test]
        fn what_is_found_is_a_loop(units in prop::collection::vec(0u32..2, 0..600), split in 0usize..600) {
            let mut watch = Repetition::new(SMALL);
            let split = split.min(units.len());
            watch.push(units[..split].iter().copied());
            watch.push(units[split..].iter().copied());
            if let Some(Loop { start, period, length }) = watch.found() {
                let run = &units[start..start + length];
                prop_assert!(run.iter().zip(&run[period..]).all(|(one, next)| one == next));
                prop_assert!(length >= 100 && length >= 4 * period);
                prop_assert!(is_loop(SMALL, &units[..start + length]));
            }
        }
    }
}
