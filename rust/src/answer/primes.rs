//! Small prime numbers.

use std::sync::LazyLock;

/// Every prime in [`up_to`] is below or at this number.
pub const MAX_PRIME: u32 = 50_000;

static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut composite = vec![false; MAX_PRIME as usize + 1];
    let mut primes = Vec::new();
    for number in 2..=MAX_PRIME {
        if !composite[number as usize] {
            primes.push(number);
            for multiple in (number * number..=MAX_PRIME).step_by(number as usize) {
                composite[multiple as usize] = true;
            }
        }
    }
    primes
});

/// The primes up to a number that is at most [`MAX_PRIME`], in order.
pub fn up_to(limit: u32) -> impl Iterator<Item = u32> {
    PRIMES.iter().copied().take_while(move |prime| *prime <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_no_smaller_number_divides() {
        let is_prime =
            |n: u32| (2..n).take_while(|divisor| divisor * divisor <= n).all(|d| !n.is_multiple_of(d));
        let expected: Vec<u32> = (2..=MAX_PRIME).filter(|n| is_prime(*n)).collect();
        assert_eq!(up_to(MAX_PRIME).collect::<Vec<_>>(), expected);
        assert_eq!(up_to(7).last(), Some(7));
    }
}
