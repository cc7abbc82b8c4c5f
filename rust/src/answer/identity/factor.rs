//! Prime factors of rationals, as far as small divisors go.

use dashu_base::{BitTest, Signed};
use dashu_int::UBig;
use dashu_ratio::RBig;

/// Divisors tried before a cofactor is taken as it is.
const MAX_DIVISOR: u32 = 1 << 13;

/// The same for numbers of several words.
const LONG_MAX_DIVISOR: u32 = 1 << 8;

/// Factors of a positive rational with their exponents. A cofactor without small divisors counts as one factor, without its
/// perfect powers. None for zero and negatives.
pub fn prime_powers(value: &RBig) -> Option<Vec<(UBig, i64)>> {
    if value.is_zero() || value.numerator().is_negative() {
        return None;
    }
    let mut powers = factors(super::ball::magnitude(value.numerator()));
    powers.extend(factors(value.denominator().clone()).into_iter().map(|(prime, power)| (prime, -power)));
    Some(powers)
}

fn factors(mut rest: UBig) -> Vec<(UBig, i64)> {
    let mut found = Vec::new();
    let mut divisor = 2u32;
    // Division of long numbers is slow.
    let limit = if rest.bit_len() > 256 { LONG_MAX_DIVISOR } else { MAX_DIVISOR };
    while !rest.is_one() && divisor < limit {
        if let Ok(small) = u64::try_from(&rest) {
            let (more, cofactor) = small_factors(small, u64::from(divisor));
            found.extend(more);
            rest = UBig::from(cofactor);
            break;
        }
        let big = UBig::from(divisor);
        let mut power = 0;
        while (&rest % &big).is_zero() {
            rest /= &big;
            power += 1;
        }
        if power > 0 {
            found.push((big, power));
        }
        divisor += 1 + divisor % 2;
    }
    if !rest.is_one() {
        let (root, degree) = perfect_power(rest);
        found.push((root, degree));
    }
    found
}

fn small_factors(mut rest: u64, from: u64) -> (Vec<(UBig, i64)>, u64) {
    let mut found = Vec::new();
    let mut divisor = from;
    while divisor * divisor <= rest && divisor < u64::from(MAX_DIVISOR) {
        let mut power = 0;
        while rest.is_multiple_of(divisor) {
            rest /= divisor;
            power += 1;
        }
        if power > 0 {
            found.push((UBig::from(divisor), power));
        }
        divisor += 1 + divisor % 2;
    }
    (found, rest)
}

fn perfect_power(value: UBig) -> (UBig, i64) {
    for degree in [2usize, 3, 5, 7] {
        let root = value.nth_root(degree);
        if root.pow(degree) == value {
            let (inner, power) = perfect_power(root);
            return (inner, power * degree as i64);
        }
    }
    (value, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_multiply_back() {
        for n in (1u64..3000).chain([1 << 40, 999_983 * 999_983, 65_537 * 65_537 * 2]) {
            let value = RBig::from(UBig::from(n));
            let product = prime_powers(&value)
                .unwrap()
                .into_iter()
                .fold(UBig::ONE, |product, (prime, power)| product * prime.pow(power as usize));
            assert_eq!(product, UBig::from(n));
        }
        assert_eq!(prime_powers(&RBig::from(UBig::from(12u8))).unwrap().len(), 2);
    }
}
