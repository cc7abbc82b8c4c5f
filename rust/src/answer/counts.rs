//! Factorials and binomial coefficients by the exponents of their primes: of the two thousand factors of `2024!` three
//! hundred primes are left, and a binomial coefficient is never divided.

use super::primes;
use dashu_int::UBig;

/// Largest number of things that are counted.
pub const MAX_COUNT: u32 = primes::MAX_PRIME;
/// Largest factorial that fits into two words.
const TWO_WORDS: u32 = 34;
/// Choices that are few enough to be multiplied and divided as they are.
const FEW: u32 = 16;

/// `n!` for n up to [`MAX_COUNT`].
pub fn factorial(n: u32) -> UBig {
    if n <= TWO_WORDS {
        return UBig::from((2..=n).fold(1u128, |product, factor| product * u128::from(factor)));
    }
    // `n! / (n/2)!^2` has each prime as often as `n / p^i` is odd.
    let swing = product_of_primes(n, |quotient, _| quotient % 2);
    factorial(n / 2).sqr() * swing
}

/// `n` over `k` for n up to [`MAX_COUNT`]; 0 where k is the larger.
pub fn binomial(n: u32, k: u32) -> UBig {
    if k > n {
        return UBig::ZERO;
    }
    let k = k.min(n - k);
    if k <= FEW {
        let top = product((n - k + 1..=n).map(u64::from));
        return top / factorial(k);
    }
    // Each prime as often as adding `k` and `n - k` in its base carries.
    product_of_primes(n, |quotient, power| quotient - k / power - (n - k) / power)
}

/// The product of primes up to `n`, each with the sum of what `count` says of `n / p^i` and `p^i` for every power up to `n`.
fn product_of_primes(n: u32, count: impl Fn(u32, u32) -> u32) -> UBig {
    product(primes::up_to(n).flat_map(|prime| {
        let powers = std::iter::successors(Some(prime), |power| power.checked_mul(prime));
        let exponent =
            powers.take_while(|power| *power <= n).map(|power| count(n / power, power)).sum::<u32>();
        std::iter::repeat_n(u64::from(prime), exponent as usize)
    }))
}

/// The product of small factors: first into words, then by halves.
fn product(factors: impl Iterator<Item = u64>) -> UBig {
    let mut words = Vec::new();
    let mut word = 1u64;
    for factor in factors {
        word = word.checked_mul(factor).unwrap_or_else(|| {
            words.push(word);
            factor
        });
    }
    words.push(word);
    product_of_words(&words)
}

fn product_of_words(words: &[u64]) -> UBig {
    match words {
        [] => UBig::ONE,
        [one] => UBig::from(*one),
        [one, two] => UBig::from(u128::from(*one) * u128::from(*two)),
        words => {
            let (left, right) = words.split_at(words.len() / 2);
            product_of_words(left) * product_of_words(right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials_are_products_of_all_numbers() {
        let mut product = UBig::ONE;
        for n in 0..=600 {
            product *= UBig::from(n.max(1));
            assert_eq!(factorial(n), product, "{n}!");
        }
        let ratio = factorial(8_000) / factorial(7_999);
        assert_eq!(ratio, UBig::from(8_000u32));
    }

    #[test]
    fn binomials_are_sums_of_the_row_above() {
        let mut row = vec![UBig::ONE];
        for n in 0..=150 {
            for (k, value) in row.iter().enumerate() {
                assert_eq!(binomial(n, k as u32), *value, "{n} over {k}");
            }
            let inner = row.windows(2).map(|pair| &pair[0] + &pair[1]);
            row = [UBig::ONE].into_iter().chain(inner).chain([UBig::ONE]).collect();
        }
        assert_eq!(binomial(3, 4), UBig::ZERO);
        for k in [3, 17, 900] {
            let (n, below) = (MAX_COUNT, MAX_COUNT - 1);
            assert_eq!(binomial(n, k), binomial(below, k) + binomial(below, k - 1));
        }
    }
}
