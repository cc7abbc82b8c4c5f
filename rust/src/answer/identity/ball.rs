//! Real balls: a midpoint with a radius that bounds every rounding, at any precision.

use dashu_base::{Abs, BitTest, DivEuclid, PowerOfTwo, Signed, SquareRoot};
use dashu_int::{IBig, UBig, Word};
use dashu_ratio::RBig;
use std::borrow::Cow;

/// Magnitudes from `2^MAX_TOP` on are not computed with.
const MAX_TOP: i64 = 1 << 40;
/// Bits that a radius keeps.
const RADIUS_BITS: usize = 30;
/// Degree up to which a floating-point start of a root is close enough.
const MAX_NEWTON_DEGREE: usize = 60;

/// Every number from `(middle - radius) 2^exponent` to `(middle + radius) 2^exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ball {
    pub(super) middle: IBig,
    pub(super) exponent: i64,
    pub(super) radius: u64,
}

impl Ball {
    /// Zero, exactly.
    pub fn zero() -> Self {
        Self { middle: IBig::ZERO, exponent: 0, radius: 0 }
    }

    /// An integer, exactly.
    pub fn integer(value: IBig) -> Self {
        Self { middle: value, exponent: 0, radius: 0 }
    }

    /// A rational to `bits` bits.
    pub fn rational(value: &RBig, bits: usize) -> Self {
        if value.numerator().bit_len() <= bits && value.denominator().is_power_of_two() {
            let exponent = 1 - value.denominator().bit_len() as i64;
            return Self { middle: value.numerator().clone(), exponent, radius: 0 };
        }
        let shift =
            bits as i64 + 2 + value.denominator().bit_len() as i64 - value.numerator().bit_len() as i64;
        let (mut top, mut bottom) = (value.numerator().clone(), value.denominator().clone());
        if shift >= 0 {
            top <<= shift as usize;
        } else {
            bottom <<= shift.unsigned_abs() as usize;
        }
        let middle = top.div_euclid(IBig::from(bottom));
        Self { middle, exponent: -shift, radius: 1 }
    }

    /// From a middle and any radius in the same units, rounded to `bits` bits.
    pub(super) fn rounded(middle: IBig, radius: &UBig, exponent: i64, bits: usize) -> Option<Self> {
        Self::rounded_in_units(middle, radius, 0, exponent, bits)
    }

    /// The same with a radius in units of `2^unit` of the middle's.
    fn rounded_in_units(
        middle: IBig,
        radius: &UBig,
        unit: usize,
        exponent: i64,
        bits: usize,
    ) -> Option<Self> {
        let radius_bits = if radius.is_zero() { 0 } else { radius.bit_len() + unit };
        let shift = middle.bit_len().saturating_sub(bits).max(radius_bits.saturating_sub(RADIUS_BITS));
        let radius =
            u64::try_from(if shift >= unit { radius >> (shift - unit) } else { radius << (unit - shift) });
        let radius = radius.ok()?;
        let ball = if shift == 0 {
            Self { middle, exponent, radius }
        } else {
            let exponent = exponent.checked_add(shift as i64)?;
            Self { middle: middle >> shift, exponent, radius: radius + 2 }
        };
        (ball.top() < MAX_TOP && ball.exponent > -MAX_TOP).then_some(ball)
    }

    /// Every value is smaller in magnitude than 2 to this power.
    pub fn top(&self) -> i64 {
        let (bits, (_, words)) = (self.middle.bit_len(), self.middle.as_sign_words());
        let carries = |low: &Word| u128::from(*low) + u128::from(self.radius) > u128::from(Word::MAX);
        let bits = match words {
            // A radius that stays in the last word makes the sum no longer.
            [low, _, ..] if !carries(low) => bits,
            _ => (self.middle.clone().abs() + IBig::from(self.radius)).bit_len(),
        };
        if bits == 0 { -MAX_TOP } else { bits as i64 + self.exponent }
    }

    /// Every value is at least 2 to this power in magnitude; None if zero is inside.
    pub fn bottom(&self) -> Option<i64> {
        let smallest = self.middle.clone().abs() - IBig::from(self.radius);
        smallest.is_positive().then(|| smallest.bit_len() as i64 - 1 + self.exponent)
    }

    /// Whether zero is inside.
    pub fn has_zero(&self) -> bool {
        self.middle.bit_len() <= u64::BITS as usize && self.middle.clone().abs() <= IBig::from(self.radius)
    }

    /// Exactly one.
    fn is_one(&self) -> bool {
        self.middle.is_one() && self.exponent == 0 && self.radius == 0
    }

    /// The sign of every value; None if zero is inside, unless zero is all there is.
    pub fn sign(&self) -> Option<i8> {
        if self.middle.is_zero() && self.radius == 0 {
            return Some(0);
        }
        (!self.has_zero()).then(|| if self.middle.is_negative() { -1 } else { 1 })
    }

    /// The negative.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { middle: -self.middle.clone(), ..self.clone() }
    }

    /// The sum to `bits` bits.
    pub fn plus(&self, other: &Self, bits: usize) -> Option<Self> {
        if self.middle.is_zero() && self.radius == 0 {
            return Some(other.clone());
        }
        if other.middle.is_zero() && other.radius == 0 {
            return Some(self.clone());
        }
        let floor = self.top().max(other.top()) - bits as i64 - 8;
        let exponent = self.exponent.min(other.exponent).max(floor);
        let (left, left_radius) = self.at_exponent(exponent)?;
        let (right, right_radius) = other.at_exponent(exponent)?;
        let middle = match (left, right) {
            (Cow::Borrowed(left), Cow::Borrowed(right)) => left + right,
            (Cow::Owned(one), other) | (other, Cow::Owned(one)) => one + &*other,
        };
        Self::rounded(middle, &(left_radius + right_radius), exponent, bits)
    }

    /// Middle and radius in units of `2^exponent`.
    fn at_exponent(&self, exponent: i64) -> Option<(Cow<'_, IBig>, UBig)> {
        let shift = usize::try_from((self.exponent - exponent).unsigned_abs()).ok()?;
        let radius = UBig::from(self.radius);
        Some(if shift == 0 {
            (Cow::Borrowed(&self.middle), radius)
        } else if self.exponent > exponent {
            (Cow::Owned(&self.middle << shift), radius << shift)
        } else if shift > self.middle.bit_len() + 64 {
            (Cow::Owned(IBig::ZERO), UBig::ONE)
        } else {
            (Cow::Owned(&self.middle >> shift), (radius >> shift) + UBig::from(2u8))
        })
    }

    /// The difference to `bits` bits.
    pub fn minus(&self, other: &Self, bits: usize) -> Option<Self> {
        self.plus(&other.negated(), bits)
    }

    /// The product to `bits` bits.
    pub fn times(&self, other: &Self, bits: usize) -> Option<Self> {
        if self.is_one() {
            return Some(other.clone());
        }
        if other.is_one() {
            return Some(self.clone());
        }
        // |x| s + |y| r + r s
        let parts = [
            spread(&self.middle, other.radius),
            spread(&other.middle, self.radius),
            (u128::from(self.radius) * u128::from(other.radius), 0),
        ];
        let unit = parts.iter().map(|(_, unit)| *unit).max().unwrap_or_default();
        let radius = parts.iter().fold(UBig::ZERO, |sum, (size, own)| {
            let cut = unit - own;
            let size = UBig::from(*size);
            sum + if cut == 0 || size.is_zero() { size } else { (size >> cut) + UBig::ONE }
        });
        let exponent = self.exponent.checked_add(other.exponent)?;
        Self::rounded_in_units(&self.middle * &other.middle, &radius, unit, exponent, bits)
    }

    /// One over it; None if zero is inside.
    pub fn inverse(&self, bits: usize) -> Option<Self> {
        let smallest = magnitude(&self.middle).checked_sub_small(self.radius)?;
        // 1/m to `bits` bits; the error of 1/(m+d) is at most |d| / (m (m-r)).
        let shift = bits + self.middle.bit_len() + 4;
        let one = IBig::ONE << shift;
        let middle = one.clone().div_euclid(self.middle.clone());
        let spread = (UBig::ONE << shift) * UBig::from(self.radius) / (magnitude(&self.middle) * &smallest);
        let exponent = (-self.exponent).checked_sub(shift as i64)?;
        Self::rounded(middle, &(spread + UBig::from(2u8)), exponent, bits)
    }

    /// An integer power.
    pub fn power(&self, exponent: u64, bits: usize) -> Option<Self> {
        let mut result = Self::integer(IBig::ONE);
        let mut square = self.clone();
        let mut left = exponent;
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(&square, bits)?;
            }
            left /= 2;
            if left > 0 {
                square = square.times(&square, bits)?;
            }
        }
        Some(result)
    }

    /// The root of a value that is not negative; what lies below zero in the ball counts as zero.
    pub fn root(&self, degree: u32, bits: usize) -> Option<Self> {
        let radius = IBig::from(self.radius);
        let high = &self.middle + &radius;
        if high.is_negative() {
            return None;
        }
        let low = (&self.middle - &radius).max(IBig::ZERO);
        let degree = degree as usize;
        // Room for `bits` bits of the root, at an exponent that the degree divides.
        let wanted = (bits * degree).saturating_sub(high.bit_len());
        let mut exponent = self.exponent - wanted as i64;
        exponent -= exponent.rem_euclid(degree as i64);
        let shift = usize::try_from(self.exponent - exponent).ok()?;
        let end = |value: &IBig| -> UBig {
            let shifted = magnitude(value) << shift;
            if degree == 2 { shifted.sqrt() } else { nth_root(&shifted, degree) }
        };
        let (exact, low) = (low == high, end(&low));
        let high = if exact { low.clone() } else { end(&high) } + UBig::ONE;
        let middle: UBig = (&low + &high) >> 1;
        let radius: UBig = &high - &low;
        Self::rounded(IBig::from(middle), &radius, exponent / degree as i64, bits)
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(&self) -> Self {
        match self.sign() {
            Some(-1) => self.negated(),
            Some(_) => self.clone(),
            None => {
                let reach = magnitude(&self.middle) + UBig::from(self.radius);
                let wide = UBig::from(self.radius) + UBig::from(self.radius);
                Self::rounded(IBig::from(reach), &wide, self.exponent, 64).unwrap_or_else(|| self.clone())
            }
        }
    }

    /// Both ends as exact rationals; None where they would be too long.
    pub fn ends(&self, limit: usize) -> Option<(RBig, RBig)> {
        let shift = usize::try_from(self.exponent.unsigned_abs()).ok().filter(|shift| *shift <= limit)?;
        let scaled = |value: IBig| {
            if self.exponent >= 0 {
                RBig::from(value << shift)
            } else {
                RBig::from_parts(value, UBig::ONE << shift)
            }
        };
        let radius = IBig::from(self.radius);
        Some((scaled(&self.middle - &radius), scaled(&self.middle + &radius)))
    }

    /// The integer part, if it is the same for every value.
    pub fn floor(&self, limit: usize) -> Option<IBig> {
        let (low, high) = self.ends(limit)?;
        let floor =
            |value: &RBig| value.numerator().clone().div_euclid(IBig::from(value.denominator().clone()));
        let (low, high) = (floor(&low), floor(&high));
        (low == high).then_some(low)
    }

    /// With a larger radius, by `2^top`.
    pub fn widened(&self, top: i64, bits: usize) -> Option<Self> {
        self.plus(&Self { middle: IBig::ZERO, exponent: top, radius: 1 }, bits)
    }
}

/// Subtraction that keeps what is positive.
trait CheckedSub {
    fn checked_sub_small(self, small: u64) -> Option<UBig>;
}

impl CheckedSub for UBig {
    fn checked_sub_small(self, small: u64) -> Option<UBig> {
        let small = UBig::from(small);
        (self > small).then(|| self - small)
    }
}

/// At least `|middle| radius`, in units of two to the second: all bits of a short middle, the first 64 of a long one.
fn spread(middle: &IBig, radius: u64) -> (u128, usize) {
    let unit = middle.bit_len().saturating_sub(u64::BITS as usize);
    if radius == 0 {
        return (0, 0);
    }
    let first = if unit == 0 { magnitude(middle) } else { magnitude(&(middle >> unit)) + UBig::ONE };
    // At most 2^64 + 1, so that no product with a radius is longer than two words.
    let first = u128::try_from(first).unwrap_or(u128::from(u64::MAX) + 2);
    (first * u128::from(radius), unit)
}

pub(super) fn magnitude(value: &IBig) -> UBig {
    value.clone().into_parts().1
}
/// The integer part of a root, by Newton's method from a floating-point start.
fn nth_root(value: &UBig, degree: usize) -> UBig {
    let bits = value.bit_len();
    if bits <= 64 || degree > MAX_NEWTON_DEGREE {
        return value.nth_root(degree);
    }
    // value = top * 2^cut with a top of about 64 bits, and the degree divides cut.
    let cut = (bits - 64) / degree * degree;
    let top = (value >> cut).to_f64().value();
    let start = top.powf(1.0 / degree as f64) * (1u64 << 32) as f64;
    let shift = cut / degree;
    let near = UBig::from(start as u128 + 1);
    // From above the method falls until it has found the integer part.
    let mut root = if shift >= 32 { near << (shift - 32) } else { (near >> (32 - shift)) + UBig::ONE };
    root += (&root >> 48) + UBig::ONE;
    loop {
        let power = root.pow(degree - 1);
        let next = (&root * UBig::from(degree - 1) + value / power) / UBig::from(degree);
        if next >= root {
            return root;
        }
        root = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn roots_are_integer_parts(words in prop::collection::vec(any::<u64>(), 1..12), degree in 3usize..70) {
            let value = words.iter().fold(UBig::ZERO, |value, word| (value << 64) + UBig::from(*word));
            let root = nth_root(&value, degree);
            prop_assert!(root.pow(degree) <= value);
            prop_assert!((root + UBig::ONE).pow(degree) > value);
        }
    }
}
