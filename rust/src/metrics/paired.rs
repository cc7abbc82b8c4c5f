//! Two runs on the same problems: the difference, how sure it is, and what difference could have been seen.

use super::noise::student_quantile;
use crate::table::rewards::SplitMix;
use statrs::distribution::{Binomial, DiscreteCDF};

/// The comparison of two runs, problem by problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Problems that both runs have.
    pub problems: u64,
    /// Mean difference, first minus second.
    pub difference: f64,
    /// Its standard error: sd of the differences over sqrt(N).
    pub standard_error: f64,
    /// 95 % interval by Student's t.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Two-sided p of the sign-flip permutation test of the mean: exact up to 20 problems that differ, by 100,000 random
    /// flips beyond.
    pub permutation_p: f64,
    /// Two-sided p of the sign test over problems that differ.
    pub sign_p: f64,
    /// Problems on which the first run is better.
    pub wins: u64,
    /// Problems on which both are the same.
    pub ties: u64,
    /// Problems on which the first run is worse.
    pub losses: u64,
    /// The smallest true difference that such a comparison finds in 4 of 5 cases at the 5 % level:
    /// (t(0.975) + t(0.8)) SE.
    pub detectable: f64,
    /// Correlation of the two runs' rates over problems.
    pub correlation: f64,
}

const EXACT: usize = 20;
const FLIPS: u32 = 100_000;
/// Differences nearer than this are equal: rates are fractions with small denominators.
const SAME: f64 = 1e-12;

impl Paired {
    /// Compares two runs' values on the same problems, in the same order. None for fewer than two problems.
    pub fn of(first: &[f64], second: &[f64], seed: u64) -> Option<Self> {
        let count = first.len().min(second.len());
        if count < 2 {
            return None;
        }
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        let n = count as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let standard_error = (variance / n).sqrt();
        let t = |probability| student_quantile(probability, n - 1.0);
        let wins = differences.iter().filter(|d| **d > SAME).count() as u64;
        let losses = differences.iter().filter(|d| **d < -SAME).count() as u64;
        Some(Self {
            problems: count as u64,
            difference: mean,
            standard_error,
            low: mean - t(0.975) * standard_error,
            high: mean + t(0.975) * standard_error,
            permutation_p: permutation_p(&differences, seed, EXACT),
            sign_p: sign_p(wins, losses),
            wins,
            ties: count as u64 - wins - losses,
            losses,
            detectable: (t(0.975) + t(0.8)) * standard_error,
            correlation: correlation(first, second),
        })
    }
}

fn sign_p(wins: u64, losses: u64) -> f64 {
    let all = wins + losses;
    if all == 0 {
        return 1.0;
    }
    Binomial::new(0.5, all).map_or(f64::NAN, |law| (2.0 * law.cdf(wins.min(losses))).min(1.0))
}

fn permutation_p(differences: &[f64], seed: u64, exact: usize) -> f64 {
    let moved: Vec<f64> = differences.iter().map(|d| d.abs()).filter(|d| *d > SAME).collect();
    let observed = differences.iter().sum::<f64>().abs() - SAME;
    if moved.len() <= exact {
        let extreme = (0u32..1 << moved.len()).filter(|flips| {
            let sum: f64 =
                moved.iter().enumerate().map(|(at, d)| if flips >> at & 1 == 1 { -d } else { *d }).sum();
            sum.abs() >= observed
        });
        return extreme.count() as f64 / f64::from(1u32 << moved.len());
    }
    let mut random = SplitMix::new(seed);
    let extreme = (0..FLIPS).filter(|_| {
        let (mut bits, mut left) = (0, 0);
        let mut sum = 0.0;
        for d in &moved {
            if left == 0 {
                (bits, left) = (random.bits(), 64);
            }
            sum += if bits & 1 == 1 { -d } else { *d };
            bits >>= 1;
            left -= 1;
        }
        sum.abs() >= observed
    });
    // The observed labelling is one of the permutations.
    (extreme.count() + 1) as f64 / f64::from(FLIPS + 1)
}

fn correlation(first: &[f64], second: &[f64]) -> f64 {
    let n = first.len() as f64;
    let (a, b) = (first.iter().sum::<f64>() / n, second.iter().sum::<f64>() / n);
    let sum = |value: &dyn Fn(f64, f64) -> f64| {
        first.iter().zip(second).map(|(x, y)| value(x - a, y - b)).sum::<f64>()
    };
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example() {
        let found = Paired::of(&[1.0, 0.5, 0.5, 0.0], &[0.5, 0.5, 0.25, 0.25], 1).unwrap();
        assert!((found.difference - 0.125).abs() < 1e-12);
        assert_eq!((found.wins, found.ties, found.losses), (2, 1, 1));
        // Of the 8 signs of (0.5, 0.25, 0.25), |sum| is at least 0.5 in 6.
        assert!((found.permutation_p - 6.0 / 8.0).abs() < 1e-12);
        assert!((found.sign_p - 1.0).abs() < 1e-12);
        assert!(Paired::of(&[1.0], &[0.0], 1).is_none());
    }

    #[test]
    fn random_flips_agree_with_the_exact_test() {
        let differences: Vec<f64> =
            (0..EXACT).map(|at| if at % 3 == 0 { -0.125 } else { 0.125 * (at % 4) as f64 }).collect();
        let (exact, drawn) = (permutation_p(&differences, 1, EXACT), permutation_p(&differences, 1, 0));
        assert!((drawn - exact).abs() < 0.005, "{drawn} {exact}");
    }

    /// Under no difference the p value is below 5 % in about 5 % of the cases, and the interval holds 0 in about 95 %.
    #[test]
    fn levels_hold() {
        let mut random = SplitMix::new(11);
        let (mut low, mut covered) = (0, 0);
        let rounds = 300;
        for round in 0..rounds {
            let rates: Vec<f64> = (0..15).map(|_| random.unit()).collect();
            let run = |random: &mut SplitMix| -> Vec<f64> {
                rates
                    .iter()
                    .map(|rate| (0..8).filter(|_| random.unit() < *rate).count() as f64 / 8.0)
                    .collect()
            };
            let (first, second) = (run(&mut random), run(&mut random));
            let found = Paired::of(&first, &second, round).unwrap();
            low += i32::from(found.permutation_p <= 0.05);
            covered += i32::from(found.low <= 0.0 && found.high >= 0.0);
        }
        assert!((2..=30).contains(&low), "{low} of {rounds}");
        assert!((270..=299).contains(&covered), "{covered} of {rounds}");
    }
}
