//! Riemann's zeta function at integers.

use super::ball::Ball;
use super::build::Builder;
use super::graph::{Id, Term};
use crate::answer::limits::Stop;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// The name of its values that are no multiples of powers of pi.
pub const ZETA: &str = "#zeta";
/// Largest argument.
const MAX_ARGUMENT: i64 = 60;

impl Builder<'_> {
    /// Euler's multiples of powers of pi at even integers, rationals at those below 1, constants of their own elsewhere.
    pub(super) fn zeta(&mut self, of: Id) -> Result<Id, Stop> {
        let [argument] = self.integers(&[of])?;
        let argument = i64::try_from(&argument).map_err(|_| Stop::Beyond)?;
        match argument {
            1 => Err(Stop::Undefined),
            2..=MAX_ARGUMENT if argument % 2 == 0 => {
                let order = argument.unsigned_abs() as usize;
                // |B_n| (2 pi)^n / (2 n!)
                let bernoulli = bernoulli(order).pop().unwrap_or_default();
                let factorial = (1..=order).fold(UBig::ONE, |product, factor| product * UBig::from(factor));
                let factor = bernoulli * RBig::from(UBig::ONE << (order - 1)) / RBig::from(factorial);
                let factor = if argument % 4 == 0 { -factor } else { factor };
                let pi = self.graph.intern(Term::Pi)?;
                let power = self.graph.power(pi, argument)?;
                self.graph.scaled(power, &factor)
            }
            3..=MAX_ARGUMENT => self.graph.intern(Term::Call(ZETA.into(), vec![of])),
            0 => self.graph.rational(RBig::from_parts(IBig::NEG_ONE, UBig::from(2u8))),
            low if low > -MAX_ARGUMENT => {
                // -B_{n+1} / (n+1) at -n
                let next = low.unsigned_abs() as usize + 1;
                let bernoulli = bernoulli(next).pop().unwrap_or_default();
                self.graph.rational(-bernoulli / RBig::from(next))
            }
            _ => Err(Stop::Limit),
        }
    }
}

/// The Bernoulli numbers up to an index, by their recurrence; the second one is -1/2.
fn bernoulli(last: usize) -> Vec<RBig> {
    let mut numbers: Vec<RBig> = vec![RBig::ONE];
    for index in 1..=last {
        let mut choices = UBig::ONE;
        let mut total = RBig::ZERO;
        for (below, number) in numbers.iter().enumerate() {
            total += number * RBig::from(choices.clone());
            choices = choices * UBig::from(index + 1 - below) / UBig::from(below + 1);
        }
        numbers.push(-total / RBig::from(index + 1));
    }
    numbers
}

/// The value at an integer from 2 on. P. Borwein, "An efficient algorithm for the Riemann zeta function" (2000), algorithm 2:
/// n terms leave an error below `3 / ((3 + sqrt 8)^n (1 - 2^{1-s}))`.
pub fn enclosed(argument: u32, bits: usize) -> Option<Ball> {
    // (3 + sqrt 8)^n is above 2^{2.5 n}
    let terms = bits * 2 / 5 + 8;
    let mut sums = Vec::with_capacity(terms + 1);
    let mut term = UBig::ONE;
    let mut sum = UBig::ZERO;
    for i in 0..=terms {
        sum += &term;
        sums.push(IBig::from(sum.clone()));
        // n (n+i-1)! 4^i / ((n-i)! (2i)!)
        term = term * UBig::from(4 * (terms + i) * (terms - i)) / UBig::from((2 * i + 1) * (2 * i + 2));
    }
    let last = sums[terms].clone();
    let mut total = IBig::ZERO;
    for (k, sum) in sums[..terms].iter().enumerate() {
        let power = IBig::from(UBig::from(k + 1).pow(argument as usize));
        let part = ((sum - &last) << (bits + 20)) / power;
        total = if k % 2 == 0 { total - part } else { total + part };
    }
    let scale = last * ((IBig::ONE << (argument as usize - 1)) - IBig::ONE);
    let value = (total << (argument as usize - 1)) / scale;
    // Rounding of every term, of the quotient, and what is left out, each far below 2^-bits.
    Ball::rational(&RBig::from_parts(value, UBig::ONE << (bits + 20)), bits + 20)
        .widened(2 - i64::try_from(bits).ok()?, bits + 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_agree_with_known_ones() {
        let sixth = RBig::from_parts(1.into(), 6u8.into());
        assert_eq!(bernoulli(2), [RBig::ONE, RBig::from_parts((-1).into(), 2u8.into()), sixth]);
        assert_eq!(bernoulli(12).pop().unwrap(), RBig::from_parts((-691).into(), 2730u16.into()));
        for (argument, digits) in [(2, "1644934066848226"), (3, "1202056903159594"), (5, "1036927755143369")]
        {
            for bits in [60, 128, 1024] {
                let (low, high) = enclosed(argument, bits).unwrap().ends(4000).unwrap();
                let scale = RBig::from(10u64.pow(15));
                assert_eq!((low * &scale).floor().to_string(), digits, "{argument} {bits}");
                assert_eq!((high * &scale).floor().to_string(), digits, "{argument} {bits}");
            }
        }
    }
}
