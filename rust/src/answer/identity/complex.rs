//! Complex balls: a real ball for each part, the imaginary one absent where the value is known to be real.

use super::ball::Ball;
use super::functions::{atan, cos_sin, exp, ln, pi};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// A complex number in a rectangle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complex {
    /// Real part.
    pub re: Ball,
    /// Imaginary part; None is exactly zero.
    pub im: Option<Ball>,
}

impl From<Ball> for Complex {
    fn from(re: Ball) -> Self {
        Self { re, im: None }
    }
}

impl Complex {
    /// Zero, exactly.
    pub fn zero() -> Self {
        Ball::zero().into()
    }

    /// One, exactly.
    pub fn one() -> Self {
        Ball::integer(IBig::ONE).into()
    }

    /// Whether zero is inside.
    pub fn has_zero(&self) -> bool {
        self.re.has_zero() && self.im.as_ref().is_none_or(Ball::has_zero)
    }

    /// The absolute value is less than 2 to this power.
    pub fn top(&self) -> i64 {
        match &self.im {
            None => self.re.top(),
            Some(im) => self.re.top().max(im.top()) + 1,
        }
    }

    /// The negative.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { re: self.re.negated(), im: self.im.as_ref().map(Ball::negated) }
    }

    /// The conjugate.
    #[must_use]
    pub fn conjugate(&self) -> Self {
        Self { re: self.re.clone(), im: self.im.as_ref().map(Ball::negated) }
    }

    /// The sum.
    pub fn plus(&self, other: &Self, bits: usize) -> Option<Self> {
        let im = match (&self.im, &other.im) {
            (None, im) | (im, None) => im.clone(),
            (Some(left), Some(right)) => Some(left.plus(right, bits)?),
        };
        Some(Self { re: self.re.plus(&other.re, bits)?, im })
    }

    /// The difference.
    pub fn minus(&self, other: &Self, bits: usize) -> Option<Self> {
        self.plus(&other.negated(), bits)
    }

    /// The product.
    pub fn times(&self, other: &Self, bits: usize) -> Option<Self> {
        let scaled = |value: &Self, factor: &Ball| {
            let im = match &value.im {
                None => None,
                Some(im) => Some(im.times(factor, bits)?),
            };
            Some(Self { re: value.re.times(factor, bits)?, im })
        };
        let (Some(left), Some(right)) = (&self.im, &other.im) else {
            return if self.im.is_none() { scaled(other, &self.re) } else { scaled(self, &other.re) };
        };
        let re = self.re.times(&other.re, bits)?.minus(&left.times(right, bits)?, bits)?;
        let im = self.re.times(right, bits)?.plus(&left.times(&other.re, bits)?, bits)?;
        Some(Self { re, im: Some(im) })
    }

    /// One over it; None if zero is inside.
    pub fn inverse(&self, bits: usize) -> Option<Self> {
        let Some(im) = &self.im else { return Some(self.re.inverse(bits)?.into()) };
        let norm = self.re.times(&self.re, bits + 8)?.plus(&im.times(im, bits + 8)?, bits + 8)?;
        let scale = norm.inverse(bits + 8)?;
        let im = im.negated().times(&scale, bits)?;
        Some(Self { re: self.re.times(&scale, bits)?, im: Some(im) })
    }

    /// An integer power; a negative one needs a value apart from zero.
    pub fn power(&self, exponent: i64, bits: usize) -> Option<Self> {
        let base = if exponent < 0 { self.inverse(bits)? } else { self.clone() };
        if base.im.is_none() {
            return Some(base.re.power(exponent.unsigned_abs(), bits)?.into());
        }
        let (mut result, mut square, mut left) = (Self::one(), base, exponent.unsigned_abs());
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

    /// The absolute value.
    pub fn abs(&self, bits: usize) -> Option<Ball> {
        let Some(im) = &self.im else { return Some(self.re.abs()) };
        self.re.times(&self.re, bits)?.plus(&im.times(im, bits)?, bits)?.root(2, bits)
    }

    /// The principal root; the real one for odd degrees of negative reals. None across the cut.
    pub fn root(&self, degree: u32, bits: usize) -> Option<Self> {
        let Some(im) = &self.im else {
            let odd = degree % 2 == 1;
            return match self.re.sign() {
                Some(-1) if odd => Some(self.re.negated().root(degree, bits)?.negated().into()),
                Some(-1) => {
                    let size = self.re.negated().root(degree, bits)?;
                    Self::turned(&RBig::from_parts(1.into(), (2 * degree).into()), bits)?
                        .times(&size.into(), bits)
                }
                // The sign is not known: everything with the size of a root.
                None => {
                    let size = self.re.abs().root(degree, bits)?;
                    let around = Ball::zero().widened(size.top(), bits)?;
                    Some(Self { im: (!odd).then(|| around.clone()), re: around })
                }
                _ => Some(self.re.root(degree, bits)?.into()),
            };
        };
        if self.has_zero() {
            let size = self.abs(bits)?.root(degree, bits)?;
            let around = Ball::zero().widened(size.top(), bits)?;
            return Some(Self { im: Some(around.clone()), re: around });
        }
        if degree == 2 && self.re.sign() == Some(1) {
            // sqrt((|z| + x) / 2) + i y / (2 Re)
            let half = Ball { middle: IBig::ONE, exponent: -1, radius: 0 };
            let re =
                self.abs(bits + 8)?.plus(&self.re, bits + 8)?.times(&half, bits + 8)?.root(2, bits + 8)?;
            let im = im.times(&half, bits)?.times(&re.inverse(bits)?, bits)?;
            return Some(Self { re, im: Some(im) });
        }
        let log = self.ln(bits + 16)?;
        let share = Ball::rational(&RBig::from_parts(1.into(), degree.into()), bits + 16);
        log.times(&share.into(), bits + 16)?.exp(bits)
    }

    /// `e^z`.
    pub fn exp(&self, bits: usize) -> Option<Self> {
        let size = exp(&self.re, bits)?;
        let Some(im) = &self.im else { return Some(size.into()) };
        let direction = cos_sin(im, bits)?;
        Some(Self { re: size.times(&direction.0, bits)?, im: Some(size.times(&direction.1, bits)?) })
    }

    /// The principal logarithm; None across the cut and around zero.
    pub fn ln(&self, bits: usize) -> Option<Self> {
        let Some(im) = &self.im else {
            return match self.re.sign()? {
                1 => Some(ln(&self.re, bits)?.into()),
                -1 => Some(Self { re: ln(&self.re.negated(), bits)?, im: Some(pi(bits)?) }),
                _ => None,
            };
        };
        let size = ln(&self.abs(bits + 8)?, bits)?;
        Some(Self { re: size, im: Some(argument(&self.re, im, bits)?) })
    }

    /// `e^{2 pi i turns}`.
    pub fn turned(turns: &RBig, bits: usize) -> Option<Self> {
        if turns.numerator().is_one() && *turns.denominator() == UBig::from(4u8) {
            return Some(Self { re: Ball::zero(), im: Some(Ball::integer(IBig::ONE)) });
        }
        let angle = pi(bits + 8)?.times(&Ball::rational(&(turns + turns), bits + 8), bits + 8)?;
        let (cosine, sine) = cos_sin(&angle, bits)?;
        Some(Self { re: cosine, im: Some(sine) })
    }
}

/// The angle of a point, from -pi to pi; None across the cut.
fn argument(re: &Ball, im: &Ball, bits: usize) -> Option<Ball> {
    let half_pi = |negative: bool| {
        let value = pi(bits + 8)?;
        let exponent = value.exponent - 1;
        let value = Ball { exponent, ..value };
        Some(if negative { value.negated() } else { value })
    };
    // The smaller part over the larger one, so that the quotient is tame.
    match (re.sign(), im.sign()) {
        (_, Some(sign @ (1 | -1))) if re.top() <= im.top() => {
            let rest = atan(&re.times(&im.inverse(bits + 8)?, bits + 8)?, bits + 8)?;
            half_pi(sign == -1)?.minus(&rest, bits)
        }
        (Some(1), _) => atan(&im.times(&re.inverse(bits + 8)?, bits + 8)?, bits),
        (Some(-1), Some(sign @ (1 | -1))) => {
            let rest = atan(&im.times(&re.inverse(bits + 8)?, bits + 8)?, bits + 8)?;
            let half = half_pi(sign == -1)?;
            half.plus(&half, bits + 8)?.plus(&rest, bits)
        }
        _ => None,
    }
}
