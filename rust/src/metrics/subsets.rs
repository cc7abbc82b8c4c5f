//! What k of n samples, drawn without replacement, have in common: all right, most right, enough right.

use super::MetricError;

/// `ln i!` for i = 0 to n.
#[derive(Debug, Clone)]
pub struct LnFactorials(Vec<f64>);

impl LnFactorials {
    /// The table up to `n`.
    pub fn up_to(n: u64) -> Self {
        let mut table = Vec::with_capacity(n as usize + 1);
        // Summed in two parts, so that a thousand additions lose nothing.
        let (mut sum, mut lost) = (0.0f64, 0.0f64);
        table.push(0.0);
        for i in 1..=n {
            let term = (i as f64).ln() - lost;
            let next = sum + term;
            lost = (next - sum) - term;
            sum = next;
            table.push(sum);
        }
        Self(table)
    }

    fn ln_choose(&self, n: u64, k: u64) -> f64 {
        let Self(table) = self;
        table[n as usize] - table[k as usize] - table[(n - k) as usize]
    }

    /// Probability that j of k samples are right when c of n are.
    fn hypergeometric(&self, n: u64, c: u64, k: u64, j: u64) -> f64 {
        if j > c || k - j > n - c {
            return 0.0;
        }
        (self.ln_choose(c, j) + self.ln_choose(n - c, k - j) - self.ln_choose(n, k)).exp()
    }
}

fn check(n: u64, c: u64, k: u64) -> Result<(), MetricError> {
    if k == 0 || k > n {
        Err(MetricError::BadK { n, k })
    } else if c > n {
        Err(MetricError::BadCorrect { n, c })
    } else {
        Ok(())
    }
}

/// pass^k: the probability that all k samples are right, `C(c, k) / C(n, k)` (Yao et al. 2024, tau-bench).
pub fn pass_hat_k(n: u64, c: u64, k: u64) -> Result<f64, MetricError> {
    check(n, c, k)?;
    Ok(if k > c { 0.0 } else { (0..k).map(|i| (c - i) as f64 / (n - i) as f64).product() })
}

/// G-Pass@k: the probability that at least `ceil(tau k)` of k samples are right (Liu et al. 2024, "Are Your LLMs Capable of
/// Stable Reasoning?"). `tau` in (0, 1]; the authors ask for n of at least 3 k.
pub fn g_pass_at_k(n: u64, c: u64, k: u64, tau: f64) -> Result<f64, MetricError> {
    check(n, c, k)?;
    if !(tau > 0.0 && tau <= 1.0) {
        return Err(MetricError::BadShare { tau });
    }
    // A share such as 0.7 of 10 is 7, whatever its binary fraction says.
    let needed = ((tau * k as f64) - 1e-9).ceil().max(1.0) as u64;
    let table = LnFactorials::up_to(n);
    Ok((needed..=k).map(|j| table.hypergeometric(n, c, k, j)).sum::<f64>().clamp(0.0, 1.0))
}

/// mG-Pass@k: `2/k` times the sum of G-Pass@k at tau = i/k for i from `ceil(k/2) + 1` to k (same source).
pub fn mg_pass_at_k(n: u64, c: u64, k: u64) -> Result<f64, MetricError> {
    check(n, c, k)?;
    let table = LnFactorials::up_to(n);
    let mut tail = 0.0;
    let mut sum = 0.0;
    for j in (k.div_ceil(2) + 1..=k).rev() {
        tail += table.hypergeometric(n, c, k, j);
        sum += tail;
    }
    Ok((2.0 * sum / k as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Share of the subsets of k among n samples, the first c right, whose number of right ones satisfies `holds`.
    fn enumerated(n: u64, c: u64, k: u64, holds: impl Fn(u64) -> f64) -> f64 {
        let sets: Vec<u32> = (0u32..1 << n).filter(|set| u64::from(set.count_ones()) == k).collect();
        let right = |set: &u32| u64::from((set & ((1 << c) - 1)).count_ones());
        sets.iter().map(|set| holds(right(set))).sum::<f64>() / sets.len() as f64
    }

    proptest! {
        #[test]
        fn equal_enumeration(n in 1u64..11, c in 0u64..11, k in 1u64..11, share in 1u64..21) {
            let (c, k) = (c.min(n), k.min(n));
            let all = enumerated(n, c, k, |right| f64::from(u8::from(right == k)));
            prop_assert!((pass_hat_k(n, c, k).unwrap() - all).abs() < 1e-12);
            let tau = share as f64 / 20.0;
            let enough = enumerated(n, c, k, |right| f64::from(u8::from(20 * right >= share * k && right > 0)));
            prop_assert!((g_pass_at_k(n, c, k, tau).unwrap() - enough).abs() < 1e-12);
            let low = k.div_ceil(2) + 1;
            let mean = enumerated(n, c, k, |right| 2.0 / k as f64 * (low..=k).filter(|i| right >= *i).count() as f64);
            prop_assert!((mg_pass_at_k(n, c, k).unwrap() - mean).abs() < 1e-12);
        }
    }
}
