//! How sure a mean over problems is, and what would make it surer.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A group of problems with the same outcome: samples, right ones, number of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcomes {
    /// Samples.
    pub n: u64,
    /// Right ones.
    pub correct: u64,
    /// Problems.
    pub problems: u64,
}

/// The mean of the problems' solve rates and where its noise comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Problems.
    pub problems: u64,
    /// Mean solve rate.
    pub mean: f64,
    /// Standard error for other problems of the same kind: sd of the solve rates over sqrt(N), each problem a cluster
    /// (Miller 2024, "Adding Error Bars to Evals").
    pub standard_error: f64,
    /// Standard error for other samples on these problems: `sqrt(mean(s (1 - s) / (n - 1)) / N)`.
    pub standard_error_within: f64,
    /// Variance of a sample around its problem's rate: `mean c (n - c) / (n (n - 1))`.
    pub within: f64,
    /// Variance of the problems' true rates, at least 0.
    pub between: f64,
    /// Share of the variance that is between problems: `between / (between + within)`.
    pub icc: f64,
    /// 95 % interval of the mean for other problems: Wilson's score interval at the effective number of problems
    /// `mean (1 - mean) / SE^2`, widened by Student's t for small N; within [0, 1].
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Noise {
    /// From counts of outcomes. None without problems. Where n is 1 everywhere, the split is unknown and `within` is not a
    /// number.
    pub fn of(outcomes: &[Outcomes]) -> Option<Self> {
        let total: u64 = outcomes.iter().map(|outcome| outcome.problems).sum();
        if total == 0 {
            return None;
        }
        let count = total as f64;
        let over = |value: &dyn Fn(f64, f64) -> f64| {
            outcomes.iter().map(|o| o.problems as f64 * value(o.n as f64, o.correct as f64)).sum::<f64>()
                / count
        };
        let mean = over(&|n, c| c / n);
        let spread = over(&|n, c| (c / n - mean).powi(2));
        let variance = if total > 1 { spread * count / (count - 1.0) } else { f64::NAN };
        let within = over(&|n, c| if n > 1.0 { c * (n - c) / (n * (n - 1.0)) } else { f64::NAN });
        let noise = over(&|n, c| if n > 1.0 { c * (n - c) / (n * n * (n - 1.0)) } else { f64::NAN });
        let between = (variance - noise).max(0.0);
        let standard_error = (variance / count).sqrt();
        let (low, high) = wilson(mean, standard_error, total);
        Some(Self {
            problems: total,
            mean,
            standard_error,
            standard_error_within: (noise / count).sqrt(),
            within,
            between,
            icc: between / (between + within),
            low,
            high,
        })
    }

    /// The standard error that `problems` problems with `n` samples each would have.
    pub fn expected_error(&self, problems: u64, n: u64) -> f64 {
        ((self.between + self.within / n as f64) / problems as f64).sqrt()
    }
}

/// Quantile of Student's t with `freedom` degrees of freedom; of the normal law in the limit.
pub fn student_quantile(probability: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom.clamp(1.0, 1e7)).map_or(f64::NAN, |law| law.inverse_cdf(probability))
}

/// Wilson's 95 % score interval for a mean of rates with a standard error: `p (1 - p) / SE^2` stands for the number of
/// trials. Where all rates are equal, the number of problems does.
fn wilson(mean: f64, standard_error: f64, problems: u64) -> (f64, f64) {
    if problems < 2 {
        return (0.0, 1.0);
    }
    let z = student_quantile(0.975, problems as f64 - 1.0);
    let trials = if standard_error > 0.0 && mean > 0.0 && mean < 1.0 {
        mean * (1.0 - mean) / standard_error.powi(2)
    } else {
        problems as f64
    };
    let scale = 1.0 + z * z / trials;
    let middle = (mean + z * z / (2.0 * trials)) / scale;
    let half = z * (mean * (1.0 - mean) / trials + z * z / (4.0 * trials * trials)).sqrt() / scale;
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rewards::SplitMix;

    #[test]
    fn worked_example() {
        let noise = Noise::of(&[
            Outcomes { n: 4, correct: 4, problems: 1 },
            Outcomes { n: 4, correct: 2, problems: 1 },
            Outcomes { n: 4, correct: 0, problems: 2 },
        ])
        .unwrap();
        assert!((noise.mean - 0.375).abs() < 1e-15);
        // Rates 1, 1/2, 0, 0: variance 0.229166..., error its root over 2.
        assert!((noise.standard_error - (0.229_166_666_666_666_67f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((noise.within - (2.0 * 2.0 / 12.0) / 4.0).abs() < 1e-12);
        assert!((noise.expected_error(4, 4) - noise.standard_error).abs() < 1e-12);
        assert!(Noise::of(&[]).is_none());
        assert!((student_quantile(0.975, 29.0) - 2.045_229_642).abs() < 1e-6);
    }

    /// Draws many benchmarks of 30 problems from a known population: about 95 % of the intervals hold its mean.
    #[test]
    fn intervals_cover() {
        for (seed, rates) in [(1, vec![0.1, 0.5, 0.9]), (2, vec![0.95, 1.0]), (3, vec![0.0, 0.02, 0.3])] {
            let mut random = SplitMix::new(seed);
            let truth = rates.iter().sum::<f64>() / rates.len() as f64;
            let mut held = 0;
            for _ in 0..2_000 {
                let outcomes: Vec<_> = (0..30)
                    .map(|_| {
                        let rate = rates[random.below(rates.len() as u64) as usize];
                        let correct = (0..8).filter(|_| random.unit() < rate).count() as u64;
                        Outcomes { n: 8, correct, problems: 1 }
                    })
                    .collect();
                let noise = Noise::of(&outcomes).unwrap();
                held += i32::from(noise.low <= truth && truth <= noise.high);
            }
            let coverage = f64::from(held) / 2_000.0;
            assert!((0.93..=0.99).contains(&coverage), "{rates:?}: {coverage}");
        }
    }
}
