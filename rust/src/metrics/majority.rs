//! majority@k: the expected score of the most voted class of k samples drawn without replacement.

use super::MetricError;
use std::collections::BTreeMap;

/// Exact expectation over all `C(n, k)` subsets; classes tied for most votes share equally; a subset without any vote scores 0.
///
/// `votes[i]` samples fall in class i, whose score is `scores[i]` in [0, 1]; the other `n - sum(votes)` samples do not vote.
pub fn majority_at_k(votes: &[u64], scores: &[f64], n: u64, k: u64) -> Result<f64, MetricError> {
    Ok(curve_to(votes, scores, n, k)?.pop().unwrap_or(0.0))
}

/// [`majority_at_k`] for every k from 1 to n, for little more than the price of the last.
pub fn majority_curve(votes: &[u64], scores: &[f64], n: u64) -> Result<Vec<f64>, MetricError> {
    if n == 0 { Ok(Vec::new()) } else { curve_to(votes, scores, n, n) }
}

fn curve_to(votes: &[u64], scores: &[f64], n: u64, max_k: u64) -> Result<Vec<f64>, MetricError> {
    let total: u64 = votes.iter().sum();
    if votes.len() != scores.len() || total > n {
        return Err(MetricError::BadVotes { counts: votes.len(), votes: total, scores: scores.len(), n });
    }
    if max_k == 0 || max_k > n {
        return Err(MetricError::BadK { n, k: max_k });
    }
    let mut expected = vec![0.0; max_k as usize];
    // Classes with the same number of votes win equally often.
    let mut by_size: BTreeMap<u64, (usize, f64)> = BTreeMap::new();
    for (class, (&own, &score)) in votes.iter().zip(scores).enumerate().filter(|(_, (own, _))| **own > 0) {
        by_size.entry(own).or_insert((class, 0.0)).1 += score;
    }
    for (class, score) in by_size.into_values().filter(|(_, score)| *score > 0.0) {
        for (sum, share) in expected.iter_mut().zip(shares_of_wins(votes, class, n, max_k)) {
            *sum += score * share;
        }
    }
    Ok(expected.into_iter().map(|value: f64| value.clamp(0.0, 1.0)).collect())
}

/// For k = 1 to `max_k`: the probability that `class` has the most votes, a tie among t classes counting 1/t.
///
/// For each number of own votes, `lead`, a table over (classes tied with it, samples drawn) counts the ways to draw from the
/// other classes with at most `lead` votes each. It serves every k; non-voting samples fill up the rest.
fn shares_of_wins(votes: &[u64], class: usize, n: u64, max_k: u64) -> Vec<f64> {
    let others: Vec<u64> = votes
        .iter()
        .enumerate()
        .filter(|(at, size)| *at != class && **size > 0)
        .map(|(_, size)| *size)
        .collect();
    let silent = n - votes.iter().sum::<u64>();
    let totals: Vec<f64> = (1..=max_k).map(|k| log_choose(n, k)).collect();
    let fillings: Vec<f64> = (0..=silent).map(|quiet| log_choose(silent, quiet)).collect();
    let mut shares = vec![0.0; max_k as usize];
    for lead in 1..=votes[class].min(max_k) {
        let rest = (max_k - lead) as usize;
        let ties = others.iter().filter(|size| **size >= lead).count().min(rest / lead as usize);
        let mut ways = vec![vec![Weight::ZERO; rest + 1]; ties + 1];
        ways[0][0] = Weight::ONE;
        for size in &others {
            ways = with_class(&ways, *size, lead, rest);
        }
        let own = log_choose(votes[class], lead);
        for (tied, row) in ways.iter().enumerate() {
            for (drawn, weight) in row.iter().enumerate().filter(|(_, weight)| weight.mantissa > 0.0) {
                let fixed = weight.ln() + own;
                for (quiet, filling) in fillings.iter().enumerate().take(rest - drawn + 1) {
                    let k = lead as usize + drawn + quiet;
                    shares[k - 1] += (fixed + filling - totals[k - 1]).exp() / (tied + 1) as f64;
                }
            }
        }
    }
    shares
}

fn with_class(ways: &[Vec<Weight>], size: u64, lead: u64, rest: usize) -> Vec<Vec<Weight>> {
    let mut next = vec![vec![Weight::ZERO; rest + 1]; ways.len()];
    let choices: Vec<Weight> = (0..=size.min(lead)).map(|drawn| Weight::choose(size, drawn)).collect();
    for (tied, row) in ways.iter().enumerate() {
        for (before, weight) in row.iter().enumerate().filter(|(_, weight)| weight.mantissa > 0.0) {
            for (drawn, choice) in choices.iter().enumerate().take(rest - before + 1) {
                let tied = tied + usize::from(drawn as u64 == lead);
                if let Some(row) = next.get_mut(tied) {
                    row[before + drawn] = row[before + drawn].plus(weight.times(*choice));
                }
            }
        }
    }
    next
}

/// A positive number `mantissa * 2^exponent`; binomials of a few hundred samples leave the range of f64.
#[derive(Debug, Clone, Copy)]
struct Weight {
    mantissa: f64,
    exponent: i64,
}

impl Weight {
    const ZERO: Self = Self { mantissa: 0.0, exponent: 0 };
    const ONE: Self = Self { mantissa: 1.0, exponent: 0 };

    fn normalized(mantissa: f64, exponent: i64) -> Self {
        const STEP: f64 = 18_446_744_073_709_551_616.0;
        if mantissa >= STEP {
            Self { mantissa: mantissa / STEP, exponent: exponent + 64 }
        } else {
            Self { mantissa, exponent }
        }
    }

    fn times(self, other: Self) -> Self {
        Self::normalized(self.mantissa * other.mantissa, self.exponent + other.exponent)
    }

    fn plus(self, other: Self) -> Self {
        if self.mantissa == 0.0 {
            return other;
        }
        let (big, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // Exponents are apart by whole steps; most are the same.
        let small = match small.exponent - big.exponent {
            0 => small.mantissa,
            apart => small.mantissa * (apart.max(-1_000) as f64).exp2(),
        };
        Self::normalized(big.mantissa + small, big.exponent)
    }

    fn choose(n: u64, k: u64) -> Self {
        (1..=k.min(n - k)).fold(Self::ONE, |product, i| {
            Self::normalized(product.mantissa * (n + 1 - i) as f64 / i as f64, product.exponent)
        })
    }

    fn ln(self) -> f64 {
        self.mantissa.ln() + self.exponent as f64 * std::f64::consts::LN_2
    }
}

fn log_choose(n: u64, k: u64) -> f64 {
    Weight::choose(n, k).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn enumerated(votes: &[u64], scores: &[f64], n: u64, k: u64) -> f64 {
        let labels: Vec<usize> =
            votes.iter().enumerate().flat_map(|(class, size)| vec![class; *size as usize]).collect();
        let (mut sum, mut all) = (0.0, 0.0);
        for set in (0u32..1 << n).filter(|set| u64::from(set.count_ones()) == k) {
            let mut counts = vec![0; votes.len()];
            for (at, class) in labels.iter().enumerate() {
                counts[*class] += set >> at & 1;
            }
            all += 1.0;
            let top = counts.iter().copied().max().unwrap_or(0);
            if top > 0 {
                let winners: Vec<_> = (0..votes.len()).filter(|class| counts[*class] == top).collect();
                sum += winners.iter().map(|class| scores[*class]).sum::<f64>() / winners.len() as f64;
            }
        }
        sum / all
    }

    #[test]
    fn worked_examples() {
        assert_eq!(majority_at_k(&[], &[], 3, 2), Ok(0.0));
        assert_eq!(majority_at_k(&[2, 2], &[1.0, 0.0], 4, 4), Ok(0.5));
        assert!((majority_at_k(&[3, 2], &[1.0, 0.0], 5, 5).unwrap() - 1.0).abs() < 1e-12);
        assert!(majority_at_k(&[3], &[1.0], 2, 1).is_err() && majority_at_k(&[3], &[], 4, 1).is_err());
    }

    #[test]
    fn hundreds_of_samples_stay_in_range() {
        let half = majority_at_k(&[400, 400], &[1.0, 0.0], 1000, 501).unwrap();
        assert!((half - 0.5).abs() < 1e-9, "{half}");
    }

    proptest! {
        #[test]
        fn equals_enumeration(votes in prop::collection::vec(0u64..4, 0..4), silent in 0u64..3, correct in prop::collection::vec(0u8..=4, 4), k in 1u64..11) {
            let n = (votes.iter().sum::<u64>() + silent).max(1);
            let k = k.min(n);
            let scores: Vec<f64> = correct.iter().take(votes.len()).map(|score| f64::from(*score) / 4.0).collect();
            let value = majority_at_k(&votes, &scores, n, k).unwrap();
            prop_assert!((value - enumerated(&votes, &scores, n, k)).abs() < 1e-10);
            let curve = majority_curve(&votes, &scores, n).unwrap();
            prop_assert!((curve[k as usize - 1] - value).abs() < 1e-10);
        }
    }
}
