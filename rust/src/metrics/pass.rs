//! pass@k: the probability that at least one of k samples drawn without replacement is correct.

use super::MetricError;

/// `1 - C(n-c, k) / C(n, k)`, unbiased (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1).
///
/// As a product of k factors below one, so nothing overflows.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> Result<f64, MetricError> {
    if k == 0 || k > n {
        return Err(MetricError::BadK { n, k });
    }
    if c > n {
        return Err(MetricError::BadCorrect { n, c });
    }
    if n - c < k {
        return Ok(1.0);
    }
    // C(n-c, k) / C(n, k), with the shorter of the two products that cancel to it.
    let missed: f64 = if c < k {
        (0..c).map(|i| (n - k - i) as f64 / (n - i) as f64).product()
    } else {
        (0..k).map(|i| (n - c - i) as f64 / (n - i) as f64).product()
    };
    Ok(1.0 - missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn worked_examples() {
        assert_eq!(pass_at_k(4, 0, 2), Ok(0.0));
        assert_eq!(pass_at_k(4, 4, 1), Ok(1.0));
        assert!((pass_at_k(4, 2, 2).unwrap() - 5.0 / 6.0).abs() < 1e-15);
        assert!(pass_at_k(4, 2, 5).is_err() && pass_at_k(4, 5, 2).is_err() && pass_at_k(4, 1, 0).is_err());
    }

    proptest! {
        #[test]
        fn equals_enumeration_and_grows_with_k(n in 1u64..13, c in 0u64..13) {
            let c = c.min(n);
            let mut last = 0.0;
            for k in 1..=n {
                let subsets = (0u32..1 << n).filter(|set| u64::from(set.count_ones()) == k);
                let (all, hits) = subsets.fold((0, 0), |(all, hits), set| (all + 1, hits + i32::from(set & ((1 << c) - 1) != 0)));
                let value = pass_at_k(n, c, k).unwrap();
                prop_assert!((value - f64::from(hits) / f64::from(all)).abs() < 1e-12);
                prop_assert!(value >= last - 1e-15);
                last = value;
            }
        }
    }
}
