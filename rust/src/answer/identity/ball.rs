//! Real balls: a midpoint with a radius that bounds every rounding, at any precision.

use dashu_base::{Abs, BitTest, DivEuclid, Signed, SquareRoot};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

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
        if value.is_int() && value.numerator().bit_len() <= bits {
            return Self::integer(value.numerator().clone());
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
        let shift = middle.bit_len().saturating_sub(bits).max(radius.bit_len().saturating_sub(RADIUS_BITS));
        let ball = if shift == 0 {
            Self { middle, exponent, radius: u64::try_from(radius).ok()? }
        } else {
            let radius = u64::try_from(radius >> shift).ok()? + 2;
            Self { middle: middle >> shift, exponent: exponent.checked_add(shift as i64)?, radius }
        };
        (ball.top() < MAX_TOP && ball.exponent > -MAX_TOP).then_some(ball)
    }

    /// Every value is smaller in magnitude than 2 to this power.
    pub fn top(&self) -> i64 {
        let largest = self.middle.clone().abs() + IBig::from(self.radius);
        if largest.is_zero() { -MAX_TOP } else { largest.bit_len() as i64 + self.exponent }
    }

    /// Every value is at least 2 to this power in magnitude; None if zero is inside.
    pub fn bottom(&self) -> Option<i64> {
        let smallest = self.middle.clone().abs() - IBig::from(self.radius);
        smallest.is_positive().then(|| smallest.bit_len() as i64 - 1 + self.exponent)
    }

    /// Whether zero is inside.
    pub fn has_zero(&self) -> bool {
        self.middle.clone().abs() <= IBig::from(self.radius)
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
        Self::rounded(left + right, &(left_radius + right_radius), exponent, bits)
    }

    /// Middle and radius in units of `2^exponent`.
    fn at_exponent(&self, exponent: i64) -> Option<(IBig, UBig)> {
        let shift = usize::try_from((self.exponent - exponent).unsigned_abs()).ok()?;
        let radius = UBig::from(self.radius);
        Some(if self.exponent >= exponent {
            (&self.middle << shift, radius << shift)
        } else if shift > self.middle.bit_len() + 64 {
            (IBig::ZERO, UBig::ONE)
        } else {
            (&self.middle >> shift, (radius >> shift) + UBig::from(2u8))
        })
    }

    /// The difference to `bits` bits.
    pub fn minus(&self, other: &Self, bits: usize) -> Option<Self> {
        self.plus(&other.negated(), bits)
    }

    /// The product to `bits` bits.
    pub fn times(&self, other: &Self, bits: usize) -> Option<Self> {
        let radius = match (self.radius, other.radius) {
            (0, 0) => UBig::ZERO,
            (left, right) => {
                let cross =
                    magnitude(&self.middle) * UBig::from(right) + magnitude(&other.middle) * UBig::from(left);
                cross + UBig::from(left) * UBig::from(right)
            }
        };
        let exponent = self.exponent.checked_add(other.exponent)?;
        Self::rounded(&self.middle * &other.middle, &radius, exponent, bits)
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
