//! Number literals as exact rationals, and what their decimals promise.

use crate::answer::limits::{MAX_DIGITS, Stop};
use crate::answer::tree::{Decimals, Literal};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// A decimal as printed, for comparison with an exact value that it may round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printed {
    /// Digits after the point.
    pub decimals: usize,
    /// Digits from the first that is not zero.
    pub significant: usize,
}

impl Literal {
    /// Digits only: no point, no exponent.
    pub fn is_plain_integer(&self) -> bool {
        self.decimals.is_none() && self.exponent == 0
    }

    /// Digits after the point that stand once.
    pub fn fraction(&self) -> &str {
        self.decimals.as_ref().map_or("", |decimals| &decimals.fraction)
    }

    /// Digits after those that are repeated for ever.
    pub fn repeating(&self) -> Option<&str> {
        self.decimals.as_ref().and_then(|decimals| decimals.repeating.as_deref())
    }

    /// The precision of a finite decimal with a point and no exponent.
    pub fn printed(&self) -> Option<Printed> {
        let Decimals { fraction, repeating: None } = &**self.decimals.as_ref()? else { return None };
        if self.exponent != 0 {
            return None;
        }
        let digits = self.digits.bytes().chain(fraction.bytes());
        Some(Printed {
            decimals: fraction.len(),
            significant: digits.skip_while(|byte| *byte == b'0').count(),
        })
    }

    /// The exact value.
    pub fn rational(&self) -> Result<RBig, Stop> {
        if let Some(short) = self.short() {
            return Ok(short);
        }
        let (numerator, denominator) = self.ratio_digits();
        if numerator.len() > MAX_DIGITS || denominator.len() > MAX_DIGITS {
            return Err(Stop::Limit);
        }
        let integer = |digits: &str| digits.parse::<UBig>().map_err(|_| Stop::Beyond);
        Ok(RBig::from_parts(IBig::from(integer(&numerator)?), integer(&denominator)?))
    }

    /// The value of at most 18 digits, with as many zeros at most.
    fn short(&self) -> Option<RBig> {
        let fraction = self.fraction();
        let shift = i64::from(self.exponent) - fraction.len() as i64;
        let fits = (1..=18).contains(&(self.digits.len() + fraction.len())) && shift.abs() <= 18;
        let digits = self.digits.bytes().chain(fraction.bytes());
        if !fits || self.repeating().is_some() || !digits.clone().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let digits = digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        if shift == 0 {
            return Some(RBig::from(digits));
        }
        let zeros = 10u64.pow(shift.unsigned_abs() as u32);
        Some(if shift < 0 {
            RBig::from_parts(IBig::from(digits), UBig::from(zeros))
        } else {
            RBig::from(u128::from(digits) * u128::from(zeros))
        })
    }

    /// Numerator and denominator in digits, not reduced. Exponents beyond the digit limit give an over-long string.
    ///
    /// A repeating part of length r after s decimals is over `10^s (10^r - 1)`.
    pub fn ratio_digits(&self) -> (String, String) {
        let fraction = self.fraction();
        let mut numerator = format!("{}{fraction}", self.digits);
        let mut denominator = "1".to_owned();
        let shift = i64::from(self.exponent) - fraction.len() as i64;
        if let Some(repeating) = self.repeating() {
            let all = format!("{numerator}{repeating}");
            let difference =
                all.parse::<UBig>().unwrap_or_default() - numerator.parse::<UBig>().unwrap_or_default();
            numerator = difference.to_string();
            denominator = "9".repeat(repeating.len());
        }
        let zeros = "0".repeat((shift.unsigned_abs() as usize).min(MAX_DIGITS + 1));
        if shift > 0 {
            numerator.push_str(&zeros);
        } else {
            denominator.push_str(&zeros);
        }
        (if numerator.is_empty() { "0".to_owned() } else { numerator }, denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_exact() {
        let literal = |digits: &str, fraction: Option<&str>, repeating: Option<&str>, exponent| {
            let decimals = fraction.map(|fraction| {
                Box::new(Decimals { fraction: fraction.into(), repeating: repeating.map(Into::into) })
            });
            Literal { digits: digits.into(), decimals, exponent }.rational().unwrap()
        };
        assert_eq!(literal("0", Some("125"), None, 0), RBig::from_parts(1.into(), 8u8.into()));
        assert_eq!(literal("0", Some("1"), Some("6"), 0), RBig::from_parts(1.into(), 6u8.into()));
        assert_eq!(literal("1", Some("5"), None, 3), RBig::from(1500));
        assert_eq!(literal("", Some("5"), None, 0), RBig::from_parts(1.into(), 2u8.into()));
        assert_eq!(literal("016", None, None, 0), RBig::from(16));
    }
}
