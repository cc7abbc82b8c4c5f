//! Percentile intervals by resampling problems, from a histogram of outcomes: the cost does not grow with the number of
//! problems.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};

/// 95 % intervals of the means of several values over problems.
///
/// `bins[i]` is a number of problems with the same values `values[i]`, all of one length. Each of `replicates` resamples
/// draws as many problems with replacement: a multinomial over the bins, drawn as a chain of binomials. `seed` makes it
/// repeatable. Returns (low, high) for each value.
pub fn intervals(bins: &[u64], values: &[Vec<f64>], replicates: usize, seed: u64) -> Vec<(f64, f64)> {
    let width = values.first().map_or(0, Vec::len);
    let total: u64 = bins.iter().sum();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut means = vec![Vec::with_capacity(replicates); width];
    let mut sums = vec![0.0; width];
    for _ in 0..replicates {
        sums.fill(0.0);
        let (mut left, mut weight) = (total, total);
        for (bin, value) in bins.iter().zip(values) {
            if left == 0 {
                break;
            }
            let share = *bin as f64 / weight as f64;
            let drawn = if *bin == weight {
                left
            } else {
                Binomial::new(left, share).map_or(0, |law| law.sample(&mut random))
            };
            left -= drawn;
            weight -= bin;
            for (sum, value) in sums.iter_mut().zip(value) {
                *sum += drawn as f64 * value;
            }
        }
        for (all, sum) in means.iter_mut().zip(&sums) {
            all.push(sum / total.max(1) as f64);
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
