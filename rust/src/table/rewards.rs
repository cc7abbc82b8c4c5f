//! Choosing among samples by the score of a reward model.

use super::columns::NONE;
use serde::{Deserialize, Serialize};

/// Expected scores of choices by reward, summed over problems as whole numbers of `2^-62`, so that the sum does not depend
/// on its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewards {
    /// Problems whose samples all have a reward.
    pub problems: u64,
    best: Vec<i128>,
    majority: Vec<i128>,
}

const ONE: f64 = (1u64 << 62) as f64;
/// Random orders of a problem's samples behind weighted votes of k < n.
const ORDERS: usize = 64;

impl Rewards {
    /// Adds the counts of other problems.
    pub fn merge(&mut self, other: &Self) {
        self.problems += other.problems;
        for (own, other) in [(&mut self.best, &other.best), (&mut self.majority, &other.majority)] {
            own.resize(own.len().max(other.len()), 0);
            for (own, other) in own.iter_mut().zip(other) {
                *own += other;
            }
        }
    }

    /// Mean over problems of the expected score of the sample with the highest reward among k, for k = 1 to n.
    pub fn best_of(&self) -> Vec<f64> {
        self.means(&self.best)
    }

    /// Mean over problems of the score of the class of answers with the largest sum of rewards among k samples.
    pub fn weighted_majority(&self) -> Vec<f64> {
        self.means(&self.majority)
    }

    fn means(&self, sums: &[i128]) -> Vec<f64> {
        sums.iter().map(|sum| *sum as f64 / ONE / self.problems.max(1) as f64).collect()
    }

    /// Adds a problem; one whose samples do not all have a reward is not counted.
    pub fn add(&mut self, rewards: &[f64], labels: &[Option<bool>], classes: &[u32], seed: &str) {
        if rewards.iter().any(|reward| reward.is_nan()) {
            return;
        }
        self.problems += 1;
        let scores: Vec<f64> = labels.iter().map(|label| f64::from(u8::from(*label == Some(true)))).collect();
        for (sums, curve) in [
            (&mut self.best, best_of_k(rewards, &scores)),
            (&mut self.majority, weighted_majority(rewards, &scores, classes, seed)),
        ] {
            sums.resize(sums.len().max(curve.len()), 0);
            for (sum, value) in sums.iter_mut().zip(curve) {
                *sum += (value * ONE).round() as i128;
            }
        }
    }
}

/// The expected score of the best-rewarded of k samples drawn without replacement, for k = 1 to n; samples with equal
/// rewards share.
///
/// The sample of rank r is the best of k with probability `C(n-r, k-1) / C(n, k)`; a block of equal rewards on ranks a+1 to b
/// has `(C(n-a, k) - C(n-b, k)) / C(n, k)`.
pub fn best_of_k(rewards: &[f64], scores: &[f64]) -> Vec<f64> {
    let n = rewards.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| rewards[*b].total_cmp(&rewards[*a]));
    let mut blocks: Vec<(usize, f64)> = Vec::new();
    let mut start = 0;
    for end in 1..=n {
        if end == n || rewards[order[end]].total_cmp(&rewards[order[start]]).is_ne() {
            let mean = order[start..end].iter().map(|at| scores[*at]).sum::<f64>() / (end - start) as f64;
            blocks.push((end, mean));
            start = end;
        }
    }
    (1..=n)
        .map(|k| {
            // C(n - a, k) / C(n, k), brought along from block to block.
            let (mut taken, mut left, mut expected) = (0, 1.0, 0.0);
            for (end, mean) in &blocks {
                let before = left;
                while taken < *end {
                    let rest = n - taken;
                    left *= if rest > k { (rest - k) as f64 / rest as f64 } else { 0.0 };
                    taken += 1;
                }
                expected += (before - left) * mean;
            }
            expected
        })
        .collect()
}

/// The score of the class with the largest sum of rewards among the first k of random orders; exact for k = n.
///
/// No closed form is known. The orders depend on the problem's name alone, so that every run draws the same.
fn weighted_majority(rewards: &[f64], scores: &[f64], classes: &[u32], seed: &str) -> Vec<f64> {
    let n = rewards.len();
    let mut random = SplitMix::of(seed);
    let mut order: Vec<usize> = (0..n).collect();
    let mut means = vec![0.0; n];
    for _ in 0..ORDERS {
        for at in (1..n).rev() {
            order.swap(at, random.below(at as u64 + 1) as usize);
        }
        let count =
            classes.iter().filter(|class| **class != NONE).max().map_or(0, |class| *class as usize + 1);
        // Sum of rewards, sum of scores, votes.
        let mut sums = vec![(0.0, 0.0, 0.0); count];
        for (rank, at) in order.iter().enumerate() {
            if classes[*at] != NONE {
                let sum = &mut sums[classes[*at] as usize];
                *sum = (sum.0 + rewards[*at], sum.1 + scores[*at], sum.2 + 1.0);
            }
            means[rank] += winner(&sums) / ORDERS as f64;
        }
    }
    if n > 0 {
        means[n - 1] = winner_in_order(rewards, scores, classes);
    }
    means
}

fn winner(sums: &[(f64, f64, f64)]) -> f64 {
    let best = sums.iter().filter(|sum| sum.2 > 0.0).map(|sum| sum.0).fold(f64::NEG_INFINITY, f64::max);
    let tied: Vec<f64> =
        sums.iter().filter(|sum| sum.2 > 0.0 && sum.0 >= best).map(|sum| sum.1 / sum.2).collect();
    if tied.is_empty() { 0.0 } else { tied.iter().sum::<f64>() / tied.len() as f64 }
}

/// Over all samples, summed in the order of files.
fn winner_in_order(rewards: &[f64], scores: &[f64], classes: &[u32]) -> f64 {
    let count = classes.iter().filter(|class| **class != NONE).max().map_or(0, |class| *class as usize + 1);
    let mut sums = vec![(0.0, 0.0, 0.0); count];
    for ((reward, score), class) in
        rewards.iter().zip(scores).zip(classes).filter(|(_, class)| **class != NONE)
    {
        let sum = &mut sums[*class as usize];
        *sum = (sum.0 + reward, sum.1 + score, sum.2 + 1.0);
    }
    winner(&sums)
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for shuffling, and the same everywhere.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// Seeded by a number.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn of(name: &str) -> Self {
        Self(
            name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
            }),
        )
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, evenly but for one part in 2^64 / bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn best_of_k_equals_enumeration(samples in prop::collection::vec((0u8..4, any::<bool>()), 1..9), k in 1usize..9) {
            let n = samples.len();
            let k = k.min(n);
            let rewards: Vec<f64> = samples.iter().map(|sample| f64::from(sample.0)).collect();
            let scores: Vec<f64> = samples.iter().map(|sample| f64::from(u8::from(sample.1))).collect();
            let (mut sum, mut sets) = (0.0, 0.0);
            for set in (0u32..1 << n).filter(|set| set.count_ones() as usize == k) {
                let chosen: Vec<usize> = (0..n).filter(|at| set >> at & 1 == 1).collect();
                let best = chosen.iter().map(|at| rewards[*at]).fold(f64::NEG_INFINITY, f64::max);
                let tied: Vec<f64> = chosen.iter().filter(|at| rewards[**at] >= best).map(|at| scores[*at]).collect();
                sum += tied.iter().sum::<f64>() / tied.len() as f64;
                sets += 1.0;
            }
            prop_assert!((best_of_k(&rewards, &scores)[k - 1] - sum / sets).abs() < 1e-12);
        }
    }
}
