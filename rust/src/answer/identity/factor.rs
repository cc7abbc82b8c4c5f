//! Prime factors of rationals, as far as small divisors go.

use crate::answer::limits::{Budget, Stop};
use crate::answer::primes;
use dashu_base::{BitTest, Signed};
use dashu_int::UBig;
use dashu_ratio::RBig;

/// Divisors tried before a cofactor is taken as it is.
const MAX_DIVISOR: u32 = 1 << 13;

/// The same for numbers of several words.
const LONG_MAX_DIVISOR: u32 = 1 << 8;

/// Work for each word of dividing by a small number.
const DIVISION_WORK: u64 = 6;

/// Work of taking a root, or all powers of a small number out.
fn square_work(value: &UBig) -> u64 {
    5_000 + 5 * words(value) * words(value)
}

/// Factors of a positive rational with their exponents. A cofactor without small divisors counts as one factor, without its
/// perfect powers. Zero and negatives have none.
pub fn prime_powers(value: &RBig, budget: &mut Budget) -> Result<Vec<(UBig, i64)>, Stop> {
    if value.is_zero() || value.numerator().is_negative() {
        return Err(Stop::Limit);
    }
    let mut powers = factors(super::ball::magnitude(value.numerator()), budget)?;
    let bottom = factors(value.denominator().clone(), budget)?;
    powers.extend(bottom.into_iter().map(|(prime, power)| (prime, -power)));
    Ok(powers)
}

fn factors(mut rest: UBig, budget: &mut Budget) -> Result<Vec<(UBig, i64)>, Stop> {
    let mut found = Vec::new();
    // Division of long numbers is slow.
    let limit = if rest.bit_len() > 256 { LONG_MAX_DIVISOR } else { MAX_DIVISOR };
    for divisor in primes::up_to(limit) {
        if rest.is_one() {
            break;
        }
        if let Ok(small) = u64::try_from(&rest) {
            let (more, cofactor) = small_factors(small, divisor);
            found.extend(more);
            rest = UBig::from(cofactor);
            break;
        }
        budget.spend(DIVISION_WORK * words(&rest))?;
        let big = UBig::from(divisor);
        if (&rest % &big).is_zero() {
            budget.spend(square_work(&rest))?;
            let power = rest.remove(&big).unwrap_or_default();
            found.push((big, power as i64));
        }
    }
    if !rest.is_one() {
        found.push(perfect_power(rest, budget)?);
    }
    Ok(found)
}

fn words(value: &UBig) -> u64 {
    value.bit_len() as u64 / 64 + 1
}

fn small_factors(mut rest: u64, from: u32) -> (Vec<(UBig, i64)>, u64) {
    let mut found = Vec::new();
    for divisor in primes::up_to(MAX_DIVISOR).skip_while(|prime| *prime < from).map(u64::from) {
        if divisor * divisor > rest {
            break;
        }
        let mut power = 0;
        while rest.is_multiple_of(divisor) {
            rest /= divisor;
            power += 1;
        }
        if power > 0 {
            found.push((UBig::from(divisor), power));
        }
    }
    (found, rest)
}

fn perfect_power(value: UBig, budget: &mut Budget) -> Result<(UBig, i64), Stop> {
    for degree in [2usize, 3, 5, 7] {
        budget.spend(square_work(&value))?;
        let root = value.nth_root(degree);
        if root.pow(degree) == value {
            let (inner, power) = perfect_power(root, budget)?;
            return Ok((inner, power * degree as i64));
        }
    }
    Ok((value, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_multiply_back() {
        for n in (1u64..3000).chain([1 << 40, 999_983 * 999_983, 65_537 * 65_537 * 2]) {
            let value = RBig::from(UBig::from(n));
            let product = prime_powers(&value, &mut Budget::default())
                .unwrap()
                .into_iter()
                .fold(UBig::ONE, |product, (prime, power)| product * prime.pow(power as usize));
            assert_eq!(product, UBig::from(n));
        }
        assert_eq!(prime_powers(&RBig::from(UBig::from(12u8)), &mut Budget::default()).unwrap().len(), 2);
    }
}
