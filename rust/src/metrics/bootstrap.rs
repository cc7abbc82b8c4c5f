//! Percentile intervals by resampling problems, from a histogram of outcomes.

use rand::SeedableRng;
use rand::distr::{Distribution, Uniform};
use rand::rngs::ChaCha8Rng;
use std::iter::repeat_n;

/// 95 % intervals of the means of several values over problems.
///
/// `bins[i]` is a number of problems with the same values `values[i]`, all of one length. Each of `replicates` resamples
/// draws as many problems with replacement. `seed` makes it repeatable. Returns (low, high) for each value.
pub fn intervals(bins: &[u64], values: &[Vec<f64>], replicates: usize, seed: u64) -> Vec<(f64, f64)> {
    let width = values.first().map_or(0, Vec::len);
    // Problems are few where intervals are not normal: to draw each costs no more than a binomial for each bin.
    let bin_of: Vec<u32> =
        bins.iter().zip(0..).flat_map(|(count, bin)| repeat_n(bin, *count as usize)).collect();
    let Ok(problems) = Uniform::new(0, bin_of.len() as u32) else {
        return vec![(f64::NAN, f64::NAN); width];
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut means = vec![Vec::with_capacity(replicates); width];
    let mut sums = vec![0.0; width];
    let mut drawn = vec![0u32; bins.len()];
    for _ in 0..replicates {
        sums.fill(0.0);
        drawn.fill(0);
        for _ in 0..bin_of.len() {
            drawn[bin_of[problems.sample(&mut random) as usize] as usize] += 1;
        }
        for (count, value) in drawn.iter().zip(values) {
            for (sum, value) in sums.iter_mut().zip(value) {
                *sum += f64::from(*count) * value;
            }
        }
        for (all, sum) in means.iter_mut().zip(&sums) {
            all.push(sum / bin_of.len() as f64);
        }
    }
    means.iter_mut().map(|all| (percentile(all, 0.025), percentile(all, 0.975))).collect()
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = share * (values.len() - 1) as f64;
    values.sort_unstable_by(f64::total_cmp);
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_normal_law_for_many_problems() {
        let found = intervals(&[3_000, 7_000], &[vec![1.0, 5.0], vec![0.0, 5.0]], 20_000, 7);
        let half = 1.96 * (0.3f64 * 0.7 / 10_000.0).sqrt();
        assert!(
            (found[0].0 - (0.3 - half)).abs() < 4e-4 && (found[0].1 - (0.3 + half)).abs() < 4e-4,
            "{found:?}"
        );
        assert_eq!(found[1], (5.0, 5.0));
        assert_eq!(
            intervals(&[3, 7], &[vec![1.0], vec![0.0]], 50, 1),
            intervals(&[3, 7], &[vec![1.0], vec![0.0]], 50, 1)
        );
    }
}
