//! Complex numbers in double precision with counted errors. Functions are made of operations that IEEE 754 fixes bit by
//! bit, so a value is the same on every machine.
#![expect(clippy::float_cmp, reason = "what is exact is compared exactly")]

use std::f64::consts::{FRAC_PI_2, LN_2};

/// More than any rounding of the few operations that one step takes, relative to its result.
const ROUNDING: f64 = 1e-15;
/// More than the error of any function below, relative to its result or, where that is larger, to its argument.
const FUNCTION: f64 = 1e-13;
/// More than what is lost below the normal range.
const TINY: f64 = 1e-290;
/// Integers below this are exact.
const WHOLE: f64 = 9e15;

/// Every number within `error` of `re + im i`; a real one if `im` is 0 and `is_real`.
#[derive(Debug, Clone, Copy)]
pub struct Double {
    re: f64,
    im: f64,
    error: f64,
    is_real: bool,
}

impl Double {
    fn new(re: f64, im: f64, error: f64, is_real: bool) -> Option<Self> {
        // What the errors themselves lost to rounding is far below a millionth of them.
        let error = error * 1.000_001 + TINY;
        (re.is_finite() && im.is_finite() && error.is_finite()).then_some(Self { re, im, error, is_real })
    }

    /// A real number known up to an error.
    pub fn real(value: f64, error: f64) -> Option<Self> {
        Self::new(value, 0.0, error, true)
    }

    /// The integer that a double is nearest to; a small one is exact.
    pub fn integer(value: f64) -> Option<Self> {
        if is_whole(value) { Some(Self::whole(value)) } else { Self::nearest(value) }
    }

    /// A number that a double is nearest to.
    pub fn nearest(value: f64) -> Option<Self> {
        Self::real(value, value.abs() * ROUNDING)
    }

    fn whole(value: f64) -> Self {
        Self { re: value, im: 0.0, error: 0.0, is_real: true }
    }

    /// The imaginary unit.
    pub fn i() -> Self {
        Self { re: 0.0, im: 1.0, error: 0.0, is_real: false }
    }

    /// The circle's constant.
    pub fn pi() -> Self {
        Self { re: std::f64::consts::PI, im: 0.0, error: 1e-15, is_real: true }
    }

    /// At least the absolute value of the middle.
    fn size(self) -> f64 {
        self.re.abs() + self.im.abs()
    }

    /// The absolute value of the middle.
    fn length(self) -> f64 {
        if self.is_real { self.re.abs() } else { (self.re * self.re + self.im * self.im).sqrt() }
    }

    /// At most the absolute value of any of its numbers; None if that may be zero.
    fn least(self) -> Option<f64> {
        let least = self.length() * (1.0 - ROUNDING) - self.error;
        (least > TINY && least.is_finite()).then_some(least)
    }

    fn as_real(self) -> Option<Self> {
        self.is_real.then_some(self)
    }

    /// The integer that it is, exactly.
    pub fn as_whole(self) -> Option<f64> {
        (self.is_real && self.error == 0.0).then_some(self.re)
    }

    /// Whether two numbers differ for certain.
    pub fn is_apart_from(self, other: Self) -> bool {
        self.minus(other).and_then(Self::least).is_some()
    }

    /// The sign, where it is certain.
    pub fn sign(self) -> Option<i8> {
        if self.as_whole() == Some(0.0) {
            return Some(0);
        }
        self.as_real()?.least()?;
        Some(if self.re > 0.0 { 1 } else { -1 })
    }

    pub fn negated(self) -> Self {
        Self { re: -self.re, im: -self.im, ..self }
    }

    pub fn plus(self, other: Self) -> Option<Self> {
        let (re, im) = (self.re + other.re, self.im + other.im);
        if let (Some(_), Some(_), true) = (self.as_whole(), other.as_whole(), is_whole(re)) {
            return Some(Self::whole(re));
        }
        let error = self.error + other.error + (self.size() + other.size()) * ROUNDING;
        Self::new(re, im, error, self.is_real && other.is_real)
    }

    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    pub fn times(self, other: Self) -> Option<Self> {
        let re = self.re * other.re - self.im * other.im;
        let im = self.re * other.im + self.im * other.re;
        if let (Some(_), Some(_), true) = (self.as_whole(), other.as_whole(), is_whole(re)) {
            return Some(Self::whole(re));
        }
        let (one, two) = (self.size(), other.size());
        let error = one * other.error + two * self.error + self.error * other.error + one * two * ROUNDING;
        Self::new(re, im, error, self.is_real && other.is_real)
    }

    pub fn over(self, other: Self) -> Option<Self> {
        let least = other.least()?;
        if let (Some(one), Some(two)) = (self.as_whole(), other.as_whole())
            && one % two == 0.0
        {
            return Some(Self::whole(one / two));
        }
        let (re, im) = if other.is_real {
            (self.re / other.re, self.im / other.re)
        } else {
            let scale = other.re * other.re + other.im * other.im;
            let re = (self.re * other.re + self.im * other.im) / scale;
            (re, (self.im * other.re - self.re * other.im) / scale)
        };
        let size = re.abs() + im.abs();
        let rounding = 4.0 * self.size() / least * ROUNDING;
        let error = (self.error + size * other.error) / least + rounding;
        Self::new(re, im, error, self.is_real && other.is_real)
    }

    /// Any power of a positive number, whole powers of any other one.
    pub fn power(self, exponent: Self) -> Option<Self> {
        let Some(whole) = exponent.as_whole() else {
            return exponent.times(self.ln()?)?.exp();
        };
        let base = if whole < 0.0 { Self::whole(1.0).over(self)? } else { self };
        let (mut result, mut square, mut left) = (Self::whole(1.0), base, whole.abs() as u64);
        if left == 0 {
            self.least()?;
        }
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(square)?;
            }
            left /= 2;
            if left > 0 {
                square = square.times(square)?;
            }
        }
        Some(result)
    }

    /// The root of a positive number, and of a negative one where the degree is odd.
    pub fn root(self, degree: Self) -> Option<Self> {
        let degree = degree.as_whole().filter(|degree| *degree >= 1.0)?;
        if self.as_real()?.sign()? < 0 {
            return if degree % 2.0 == 1.0 {
                Some(self.negated().root(Self::whole(degree))?.negated())
            } else {
                None
            };
        }
        if degree == 2.0 {
            let root = self.re.sqrt();
            return Self::real(root, self.error / self.least()?.sqrt() + root * ROUNDING);
        }
        self.ln()?.over(Self::whole(degree))?.exp()
    }

    /// The absolute value.
    pub fn abs(self) -> Option<Self> {
        let size = self.length();
        match self.as_whole() {
            Some(_) => Some(Self::whole(size)),
            None => Self::real(size, self.error + size * ROUNDING),
        }
    }

    /// The integer part of a real number, where it is certain.
    pub fn floor(self) -> Option<Self> {
        let spread = if self.error == 0.0 { 0.0 } else { 2.0 * self.error + self.size() * ROUNDING };
        let low = (self.as_real()?.re - spread).floor();
        (low == (self.re + spread).floor() && is_whole(low)).then(|| Self::whole(low))
    }

    /// `e^z`.
    pub fn exp(self) -> Option<Self> {
        if self.re.abs() > 700.0 || self.error > 0.5 {
            return None;
        }
        let length = exp(self.re);
        let (cosine, sine) = if self.is_real { (1.0, 0.0) } else { cos_sin(self.im)? };
        let error = length * (2.0 * self.error + 4.0 * FUNCTION * (1.0 + self.size()));
        Self::new(length * cosine, length * sine, error, self.is_real)
    }

    /// The logarithm of a positive number.
    pub fn ln(self) -> Option<Self> {
        if self.sign()? != 1 {
            return None;
        }
        let log = ln(self.re);
        Self::real(log, 2.0 * self.error / self.least()? + FUNCTION * (1.0 + log.abs()))
    }

    /// Cosine and sine of a real number.
    pub fn cos_sin(self) -> Option<(Self, Self)> {
        let (cosine, sine) = cos_sin(self.as_real()?.re)?;
        let error = self.error + FUNCTION * (1.0 + self.size());
        Some((Self::real(cosine, error)?, Self::real(sine, error)?))
    }

    /// The arctangent of a real number.
    pub fn atan(self) -> Option<Self> {
        Self::real(atan(self.as_real()?.re), self.error + 4.0 * FUNCTION)
    }

    /// The arcsine of a real number between -1 and 1.
    pub fn asin(self) -> Option<Self> {
        let one = Self::whole(1.0);
        self.as_real()?.over(one.minus(self.times(self)?)?.root(Self::whole(2.0))?)?.atan()
    }
}

fn is_whole(value: f64) -> bool {
    value.abs() < WHOLE && value.trunc() == value
}

/// `2^power`.
fn power_of_two(power: i32) -> f64 {
    f64::from_bits(((power + 1023) as u64) << 52)
}

/// `e^x` for x between -700 and 700: halvings of ln 2 off, then Taylor's series.
fn exp(x: f64) -> f64 {
    let turns = (x / LN_2).round();
    // ln 2 in two parts, the first of which has room for the product.
    let rest = (x - turns * 0.693_147_180_369_123_8) - turns * 1.908_214_929_270_587_7e-10;
    let (mut sum, mut term) = (1.0, 1.0);
    for count in 1..18 {
        term *= rest / f64::from(count);
        sum += term;
    }
    sum * power_of_two(turns as i32)
}

/// The logarithm of a positive number: `2 artanh((y - 1) / (y + 1))` of what powers of two leave.
fn ln(x: f64) -> f64 {
    // Below the normal range nothing comes here.
    let bits = x.to_bits();
    let mut power = ((bits >> 52) & 0x7FF) as i32 - 1023;
    let mut y = f64::from_bits(bits & 0x000F_FFFF_FFFF_FFFF | 1023 << 52);
    if y > std::f64::consts::SQRT_2 {
        y /= 2.0;
        power += 1;
    }
    let t = (y - 1.0) / (y + 1.0);
    let (square, mut odd_power, mut sum) = (t * t, t, 0.0);
    for count in 0..14 {
        sum += odd_power / f64::from(2 * count + 1);
        odd_power *= square;
    }
    2.0 * sum + f64::from(power) * LN_2
}

/// Cosine and sine: quarter turns off, then Taylor's series.
fn cos_sin(x: f64) -> Option<(f64, f64)> {
    if x.abs() > 1e6 {
        return None;
    }
    let turns = (x / FRAC_PI_2).round();
    let rest = (x - turns * 1.570_796_326_734_125_6) - turns * 6.077_100_506_506_192e-11;
    let square = rest * rest;
    let (mut cosine, mut sine, mut even, mut odd) = (1.0, rest, 1.0, rest);
    for count in 0..10 {
        let count = f64::from(2 * count);
        even *= -square / ((count + 1.0) * (count + 2.0));
        odd *= -square / ((count + 2.0) * (count + 3.0));
        cosine += even;
        sine += odd;
    }
    Some(match turns as i64 & 3 {
        0 => (cosine, sine),
        1 => (-sine, cosine),
        2 => (-cosine, -sine),
        _ => (sine, -cosine),
    })
}

/// The arctangent: inverse and halvings of the angle, then the series.
fn atan(x: f64) -> f64 {
    if x.abs() > 1.0 {
        return FRAC_PI_2.copysign(x) - atan(1.0 / x);
    }
    let mut y = x;
    for _ in 0..3 {
        y /= 1.0 + (1.0 + y * y).sqrt();
    }
    let (square, mut odd_power, mut sum) = (y * y, y, 0.0);
    for count in 0..11 {
        sum += odd_power / f64::from(2 * count + 1);
        odd_power *= -square;
    }
    8.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn functions_are_as_precise_as_stated(x in -650.0f64..650.0, small in -3.0f64..3.0) {
            let near = |own: f64, library: f64, size: f64| (own - library).abs() <= FUNCTION / 2.0 * size;
            prop_assert!(near(exp(x), x.exp(), x.exp() * (1.0 + x.abs())));
            prop_assert!(near(ln(x.exp()), x.exp().ln(), 1.0 + x.abs()));
            let (cosine, sine) = cos_sin(x * 1000.0).unwrap();
            prop_assert!(near(cosine, (x * 1000.0).cos(), 1.0 + x.abs() * 1000.0));
            prop_assert!(near(sine, (x * 1000.0).sin(), 1.0 + x.abs() * 1000.0));
            prop_assert!(near(atan(x), x.atan(), 1.0) && near(atan(small), small.atan(), 1.0));
        }

        #[test]
        fn errors_hold_what_is_lost(a in -1e3f64..1e3, b in -1e3f64..1e3, c in 0.001f64..1e3) {
            let double = |value: f64| Double::real(value, value.abs() * 1e-9).unwrap();
            let (x, y, z) = (double(a), double(b), double(c));
            // Two ways to the same value never come apart, and one to a neighbour always does.
            let left = x.plus(y).unwrap().times(z).unwrap();
            let right = x.times(z).unwrap().plus(y.times(z).unwrap()).unwrap();
            prop_assert!(!left.is_apart_from(right));
            let root = z.root(Double::whole(2.0)).unwrap();
            prop_assert!(!root.times(root).unwrap().is_apart_from(z));
            prop_assert!(!z.ln().unwrap().exp().unwrap().is_apart_from(z));
            prop_assert!(z.plus(double(c * 1e-6)).unwrap().is_apart_from(z));
        }
    }
}
