//! From counts to metrics: every statistic of one benchmark or subset, for k = 1 to K.

use super::tally::{Cell, Method, Scores, Signature, Tally};
use crate::blocks::in_blocks;
use crate::metrics::{
    MetricError, Noise, Outcomes, bootstrap, majority_curve, mg_pass_at_k, pass_at_k, pass_hat_k,
};
use std::collections::BTreeMap;

/// Spread of one score over runs (files) and over the samples of a problem, in fractions; NeMo-Skills' `*_statistics`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean over runs.
    pub mean: f64,
    /// Sample standard deviation of the runs' means.
    pub across_runs: f64,
    /// That over sqrt(k).
    pub error_across_runs: f64,
    /// Mean over problems of the samples' standard deviation.
    pub within_problem: f64,
}

/// A 95 % interval of the mean over problems, for other problems of the same kind.
pub type Interval = (f64, f64);

/// One method's metrics. Lists are for k = 1 to K, in fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCurves {
    /// Which.
    pub method: Method,
    /// Mean score of the first k samples.
    pub average: Vec<f64>,
    /// Its spread, from k = 2.
    pub spreads: Vec<Spread>,
    /// Expected majority@k over all subsets.
    pub majority: Vec<f64>,
    /// pass@k.
    pub pass: Vec<f64>,
    /// pass^k.
    pub pass_hat: Vec<f64>,
    /// mG-Pass@k.
    pub mg_pass: Vec<f64>,
    /// majority@k as NeMo-Skills counts it: the first k samples, pairs of string and label.
    pub first_k_majority: Option<Vec<f64>>,
    /// How sure the mean over all samples is.
    pub noise: Noise,
    /// The k that have intervals: powers of two, and K.
    pub interval_ks: Vec<u32>,
    /// Intervals of majority@k there.
    pub majority_intervals: Vec<Interval>,
    /// Intervals of pass@k there.
    pub pass_intervals: Vec<Interval>,
    /// Samples, right ones, problems.
    pub outcomes: Vec<Outcomes>,
}

/// All metrics of one benchmark or subset.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Problems with at least K samples.
    pub problems: u64,
    /// Problems left out because they have fewer.
    pub left_out: u64,
    /// Samples of the problems counted.
    pub samples: u64,
    /// Mean over problems of the mean sampled tokens; None unless all samples say.
    pub tokens: Option<f64>,
    /// Seconds from the first start to the last end.
    pub seconds: Option<f64>,
    /// Share of samples neither proved right nor wrong.
    pub undecided: f64,
    /// For k = 1 to K: mean share of the first k samples that lack an answer.
    pub silent_average: Vec<f64>,
    /// For k = 1 to K: probability that k samples all lack an answer.
    pub silent_pass: Vec<f64>,
    /// For k = 1 to K: share of problems whose first k samples all lack an answer.
    pub silent_first_k: Vec<f64>,
    /// By method.
    pub methods: Vec<MethodCurves>,
    /// best-of-k by reward, if all samples have one; of the first method.
    pub best_of: Option<Vec<f64>>,
    /// Majority@k weighted by reward.
    pub weighted_majority: Option<Vec<f64>>,
}

/// Resamples behind an interval.
const REPLICATES: usize = 2_000;
/// From this many problems on the normal law replaces resampling.
const MANY: u64 = 5_000;
const SEED: u64 = 20_260_101;

impl Tally {
    /// The most frequent number of samples per problem, the larger one of equals.
    pub fn usual_samples(&self) -> Option<u32> {
        let mut problems: BTreeMap<u32, u64> = BTreeMap::new();
        for ((_, n), cell) in &self.cells {
            *problems.entry(*n).or_default() += cell.problems;
        }
        problems.into_iter().max_by_key(|(n, count)| (*count, *n)).map(|(n, _)| n)
    }

    /// Names of subsets, in the order of files.
    pub fn subsets(&self) -> Vec<&str> {
        let mut first: BTreeMap<&str, u64> = BTreeMap::new();
        for ((name, _), cell) in &self.cells {
            if let Some(name) = name {
                let place = first.entry(name).or_insert(u64::MAX);
                *place = (*place).min(cell.first.unwrap_or(u64::MAX));
            }
        }
        let mut names: Vec<&str> = first.keys().copied().collect();
        names.sort_by_key(|name| first[name]);
        names
    }

    /// The metrics up to `k` of one subset, or of all problems, on `threads` threads. None if no problem has `k` samples.
    ///
    /// # Errors
    /// Those of the metrics, which counts cannot cause.
    pub fn curves(
        &self,
        subset: Option<&str>,
        k: u32,
        threads: usize,
    ) -> Result<Option<Curves>, MetricError> {
        let sizes = self.by_size(subset);
        let left_out = sizes.range(..k).map(|(_, cell)| cell.problems).sum();
        let mut cell = Cell::default();
        let (mut tokens, mut samples) = (0.0, 0);
        for (n, part) in sizes.range(k..) {
            tokens += part.tokens as f64 / f64::from(*n);
            samples += part.problems * u64::from(*n);
            cell.merge(part.clone());
        }
        if cell.problems == 0 || k == 0 {
            return Ok(None);
        }
        let problems = cell.problems as f64;
        let mut methods = Vec::new();
        for (method, scores) in Method::ALL.into_iter().zip(&cell.scores) {
            if scores.labelled == samples {
                methods.push(method_curves(method, scores, cell.problems, k, threads)?);
            }
        }
        let rewards = (cell.rewards.problems == cell.problems).then_some(&cell.rewards);
        let first = |mut values: Vec<f64>| {
            values.truncate(k as usize);
            values
        };
        Ok(Some(Curves {
            problems: cell.problems,
            left_out,
            samples,
            tokens: (cell.with_tokens == samples).then(|| tokens / problems),
            seconds: cell.start_s.zip(cell.end_s).map(|(start, end)| end - start),
            undecided: cell.undecided as f64 / samples as f64,
            silent_average: averages(&cell.silent_by_rank, cell.problems, k),
            silent_pass: silent_pass(&sizes, k, problems)?,
            silent_first_k: cell
                .silent_prefixes
                .iter()
                .take(k as usize)
                .map(|c| *c as f64 / problems)
                .collect(),
            methods,
            best_of: rewards.map(|rewards| first(rewards.best_of())),
            weighted_majority: rewards.map(|rewards| first(rewards.weighted_majority())),
        }))
    }
}

fn averages(by_rank: &[u64], problems: u64, k: u32) -> Vec<f64> {
    let mut sum = 0;
    (0..k as usize)
        .map(|rank| {
            sum += by_rank.get(rank).copied().unwrap_or(0);
            sum as f64 / (problems as f64 * (rank + 1) as f64)
        })
        .collect()
}

fn silent_pass(sizes: &BTreeMap<u32, Cell>, k: u32, problems: f64) -> Result<Vec<f64>, MetricError> {
    let mut sums = vec![0.0; k as usize];
    for (n, cell) in sizes.range(k..) {
        for (silent, count) in cell.silent.iter().enumerate().filter(|(_, count)| **count > 0) {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += *count as f64 * pass_hat_k(u64::from(*n), silent as u64, at as u64 + 1)?;
            }
        }
    }
    Ok(sums.into_iter().map(|sum| sum / problems).collect())
}

fn method_curves(
    method: Method,
    scores: &Scores,
    problems: u64,
    k: u32,
    threads: usize,
) -> Result<MethodCurves, MetricError> {
    let mut signatures: Vec<(&Signature, u64)> =
        scores.signatures.iter().map(|(s, count)| (s, *count)).collect();
    // Sums in one order, whatever order the parts came in.
    signatures.sort_unstable();
    let outcomes = outcomes(&signatures);
    let ks = 1..=u64::from(k);
    let interval_ks: Vec<u32> = (1..=k).filter(|at| at.is_power_of_two() || *at == k).collect();
    let count = problems as f64;
    let mean_of = |value: fn(u64, u64, u64) -> Result<f64, MetricError>| -> Result<Vec<f64>, MetricError> {
        ks.clone()
            .map(|k| {
                let sum = outcomes.iter().try_fold(0.0, |sum, o| {
                    value(o.n, o.correct, k).map(|value| sum + o.problems as f64 * value)
                })?;
                Ok(sum / count)
            })
            .collect()
    };
    let (majority, values) = votes(&signatures, k, &interval_ks, threads)?;
    let majority = majority.into_iter().map(|sum| sum / count).collect();
    let bins: Vec<u64> = signatures.iter().map(|(_, count)| *count).collect();
    let mut intervals = intervals(&bins, &values, problems);
    let pass_intervals = intervals.split_off(interval_ks.len());
    let noise = Noise::of(&outcomes).ok_or(MetricError::BadK { n: 0, k: u64::from(k) })?;
    Ok(MethodCurves {
        method,
        average: averages(&scores.by_rank, problems, k),
        spreads: (2..=k as usize).map(|k| spread(scores, problems, k)).collect(),
        majority,
        pass: mean_of(pass_at_k)?,
        pass_hat: mean_of(pass_hat_k)?,
        mg_pass: mean_of(mg_pass_at_k)?,
        first_k_majority: first_k(scores, k, count),
        noise,
        interval_ks,
        majority_intervals: intervals,
        pass_intervals,
        outcomes,
    })
}

fn outcomes(signatures: &[(&Signature, u64)]) -> Vec<Outcomes> {
    let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for (signature, count) in signatures {
        *counts.entry((signature.n, signature.correct)).or_default() += count;
    }
    counts
        .into_iter()
        .map(|((n, correct), problems)| Outcomes { n: u64::from(n), correct: u64::from(correct), problems })
        .collect()
}

/// Signatures whose curves are summed before they are added to those of others: sums do not depend on the number of threads.
const SUMMED: usize = 16;

/// The sum over problems of majority@k for every k, and for each signature the values that intervals are asked for: majority@k,
/// then pass@k.
fn votes(
    signatures: &[(&Signature, u64)],
    k: u32,
    ks: &[u32],
    threads: usize,
) -> Result<(Vec<f64>, Vec<Vec<f64>>), MetricError> {
    let shares: Vec<_> = signatures.chunks(SUMMED).collect();
    let parts = in_blocks(shares.len(), threads, |block| {
        shares[block].iter().map(|signatures| votes_of_some(signatures, k, ks)).collect::<Vec<_>>()
    });
    let mut majority = vec![0.0; k as usize];
    let mut values = Vec::with_capacity(signatures.len());
    for part in parts.into_iter().flatten() {
        let (sums, rows) = part?;
        for (sum, part) in majority.iter_mut().zip(sums) {
            *sum += part;
        }
        values.extend(rows);
    }
    Ok((majority, values))
}

fn votes_of_some(
    signatures: &[(&Signature, u64)],
    k: u32,
    ks: &[u32],
) -> Result<(Vec<f64>, Vec<Vec<f64>>), MetricError> {
    let mut majority = vec![0.0; k as usize];
    let mut values = Vec::with_capacity(signatures.len());
    for (signature, count) in signatures {
        let sizes: Vec<u64> = signature.classes.iter().map(|(votes, _)| u64::from(*votes)).collect();
        let shares: Vec<f64> =
            signature.classes.iter().map(|(votes, right)| f64::from(*right) / f64::from(*votes)).collect();
        let curve = majority_curve(&sizes, &shares, u64::from(signature.n))?;
        for (sum, value) in majority.iter_mut().zip(&curve) {
            *sum += *count as f64 * value;
        }
        let mut row: Vec<f64> = ks.iter().map(|k| curve[*k as usize - 1]).collect();
        for k in ks {
            row.push(pass_at_k(u64::from(signature.n), u64::from(signature.correct), u64::from(*k))?);
        }
        values.push(row);
    }
    Ok((majority, values))
}

fn intervals(bins: &[u64], values: &[Vec<f64>], problems: u64) -> Vec<Interval> {
    if problems < MANY {
        return bootstrap::intervals(bins, values, REPLICATES, SEED);
    }
    let count = problems as f64;
    (0..values.first().map_or(0, Vec::len))
        .map(|at| {
            let mean =
                bins.iter().zip(values).map(|(bin, value)| *bin as f64 * value[at]).sum::<f64>() / count;
            let spread = bins
                .iter()
                .zip(values)
                .map(|(bin, value)| *bin as f64 * (value[at] - mean).powi(2))
                .sum::<f64>();
            let half = 1.959_963_984_540_054 * (spread / (count - 1.0) / count).sqrt();
            (mean - half, mean + half)
        })
        .collect()
}

fn spread(scores: &Scores, problems: u64, k: usize) -> Spread {
    let count = problems as f64;
    let runs: Vec<f64> = scores.by_rank.iter().take(k).map(|right| *right as f64 / count).collect();
    let mean = runs.iter().sum::<f64>() / k as f64;
    let across_runs = (runs.iter().map(|run| (run - mean).powi(2)).sum::<f64>() / (k as f64 - 1.0)).sqrt();
    let row = &scores.prefixes[k * (k + 1) / 2..=k * (k + 1) / 2 + k];
    let deviation = |c: usize| (c as f64 * (k - c) as f64 / (k as f64 * (k as f64 - 1.0))).sqrt();
    let within =
        row.iter().enumerate().map(|(c, problems)| *problems as f64 * deviation(c)).sum::<f64>() / count;
    Spread { mean, across_runs, error_across_runs: across_runs / (k as f64).sqrt(), within_problem: within }
}

fn first_k(scores: &Scores, k: u32, problems: f64) -> Option<Vec<f64>> {
    if scores.first_k.is_empty() {
        return None;
    }
    let mut sums = vec![0.0; k as usize];
    for ((at, right, tied), count) in scores.first_k.range(..(k + 1, 0, 0)) {
        if *tied > 0 {
            sums[*at as usize - 1] += *count as f64 * f64::from(*right) / f64::from(*tied);
        }
    }
    Some(sums.into_iter().map(|sum| sum / problems).collect())
}
