//! Exponential, logarithm, sine, arctangent and the constants of balls, in fixed-point arithmetic with counted errors.

use super::ball::Ball;
use dashu_base::{Abs, BitTest};
use dashu_int::{IBig, UBig};
use std::cell::RefCell;

/// Precisions at which constants are computed, so that a value never depends on what was computed before.
const LADDER: [usize; 8] = [256, 512, 1280, 2560, 5120, 10_240, 20_480, 40_960];
/// Arguments of `exp` from `2^MAX_EXPONENT_TOP` on are not computed with.
const MAX_EXPONENT_TOP: i64 = 36;

#[derive(Clone, Copy)]
enum Name {
    Pi,
    Ln2,
}

type Table = [Option<IBig>; LADDER.len()];

thread_local! {
    static KNOWN: RefCell<[Table; 2]> = const { RefCell::new([const { [const { None }; LADDER.len()] }; 2]) };
}

/// `name * 2^bits`, less than 2 away.
fn fixed_constant(name: Name, bits: usize) -> Option<IBig> {
    let step = LADDER.iter().position(|step| *step >= bits)?;
    KNOWN.with_borrow_mut(|known| {
        let value = known[name as usize][step].get_or_insert_with(|| computed(name, LADDER[step] + 32) >> 32);
        Some(&*value >> (LADDER[step] - bits))
    })
}

/// Machin's formula and its counterpart for the logarithm.
fn computed(name: Name, bits: usize) -> IBig {
    let sum: IBig = match name {
        Name::Pi => {
            inverse_arctangent(5, bits, true) * IBig::from(16)
                - inverse_arctangent(239, bits, true) * IBig::from(4)
        }
        Name::Ln2 => {
            inverse_arctangent(26, bits, false) * IBig::from(18)
                - inverse_arctangent(4801, bits, false) * IBig::from(2)
                + inverse_arctangent(8749, bits, false) * IBig::from(8)
        }
    };
    sum
}

/// `atan(1/n)` with alternating signs, else `atanh(1/n)`.
fn inverse_arctangent(n: u32, bits: usize, alternating: bool) -> IBig {
    let square = IBig::from(n) * IBig::from(n);
    let mut power = (IBig::ONE << bits) / IBig::from(n);
    let mut sum = power.clone();
    let mut odd = 1u32;
    let mut negative = false;
    while !power.is_zero() {
        power /= &square;
        odd += 2;
        negative = !negative;
        let term = &power / IBig::from(odd);
        if negative && alternating {
            sum -= term;
        } else {
            sum += term;
        }
    }
    sum
}

fn from_fixed(value: IBig, error: u64, scale: usize, bits: usize) -> Option<Ball> {
    Ball::rounded(value, &UBig::from(error), -(scale as i64), bits)
}

/// The circle's constant.
pub fn pi(bits: usize) -> Option<Ball> {
    from_fixed(fixed_constant(Name::Pi, bits + 8)?, 2, bits + 8, bits)
}

fn ln2(bits: usize) -> Option<Ball> {
    from_fixed(fixed_constant(Name::Ln2, bits + 8)?, 2, bits + 8, bits)
}

/// The middle times `2^scale`, rounded down.
fn fixed(ball: &Ball, scale: usize) -> Option<IBig> {
    let shift = ball.exponent + scale as i64;
    let size = usize::try_from(shift.unsigned_abs()).ok()?;
    Some(if shift >= 0 { &ball.middle << size } else { &ball.middle >> size })
}

/// How far every value is from the middle: less than 2 to this power. None for an exact ball.
fn spread(ball: &Ball) -> Option<i64> {
    (ball.radius > 0).then(|| 64 - i64::from(ball.radius.leading_zeros()) + ball.exponent)
}

/// Halvings before a Taylor series, for a balance of multiplications.
fn halvings(bits: usize) -> usize {
    2 + bits.isqrt() * 2 / 3
}

/// `e^x`.
pub fn exp(x: &Ball, bits: usize) -> Option<Ball> {
    let top = x.top();
    if top > MAX_EXPONENT_TOP || spread(x).is_some_and(|spread| spread > -1) {
        return None;
    }
    if x.middle.is_zero() && x.radius == 0 {
        return Some(Ball::integer(IBig::ONE));
    }
    let steps = halvings(bits);
    let scale = bits + steps + 40 + top.max(0) as usize;
    let value = fixed(x, scale)?;
    let ln2 = fixed_constant(Name::Ln2, scale + 40)? >> 40;
    let turns = &value / &ln2;
    // Turns are below 2^37, so the error of their product with ln 2 is below 2^38 units of 2^-scale.
    let rest = (value - &turns * fixed_constant(Name::Ln2, scale + 40).map(|wide| wide >> 40)?) >> steps;
    let (mut sum, mut term) = (IBig::ONE << scale, IBig::ONE << scale);
    let mut count = 0u32;
    while !term.is_zero() && count < 10_000 {
        count += 1;
        term = ((&term * &rest) >> scale) / IBig::from(count);
        // A shift rounds down for ever at -1.
        if term == IBig::NEG_ONE {
            break;
        }
        sum += &term;
    }
    for _ in 0..steps {
        sum = (&sum * &sum) >> scale;
    }
    let error = (UBig::from(count) + UBig::from(8u8)) << (steps + 3);
    // What the reduction by ln 2 lost, relative to a result of size 1.
    let reduction = UBig::ONE << (top.max(0) as usize + 6);
    let turns = i64::try_from(turns).ok()?;
    let ball = Ball::rounded(sum, &(error + reduction), turns - scale as i64, bits + 8)?;
    match spread(x) {
        None => Ball::rounded(ball.middle, &UBig::from(ball.radius), ball.exponent, bits),
        // |e^d - 1| <= 2|d| for |d| <= 1/2
        Some(spread) => ball.widened(ball.top() + spread + 1, bits),
    }
}

/// The natural logarithm of a positive value.
pub fn ln(x: &Ball, bits: usize) -> Option<Ball> {
    if x.sign()? != 1 {
        return None;
    }
    let middle = Ball { radius: 0, ..x.clone() };
    // x = y 2^turns with y in [1/2, 1)
    let turns = middle.middle.bit_len() as i64 + middle.exponent;
    let y = Ball { exponent: middle.exponent - turns, ..middle };
    let start = {
        let head = fixed(&y, 62)?;
        let head = i64::try_from(head).ok()? as f64 / (1u64 << 62) as f64;
        head.ln()
    };
    let mut guess =
        Ball { middle: IBig::from((start * (1u64 << 52) as f64) as i64), exponent: -52, radius: 0 };
    let mut known = 45;
    // Each round triples the bits that are right: g + 2 (y - e^g) / (y + e^g).
    while known < bits + 10 {
        let working = (known * 3).min(bits + 40) + 20;
        let e = exp(&guess, working)?;
        let step = y.minus(&e, working)?.times(&y.plus(&e, working)?.inverse(working)?, working)?;
        let next = guess.plus(&step, working)?.plus(&step, working)?;
        guess = Ball { radius: 0, ..next };
        known = known * 3 - 4;
    }
    // ln y = g + ln(t) with t = y e^-g, and |ln t - (t - 1)| <= (t - 1)^2 near 1.
    let e = exp(&guess.negated(), bits + 24)?;
    let rest = y.times(&e, bits + 24)?.minus(&Ball::integer(IBig::ONE), bits + 24)?;
    if rest.top() > -4 {
        return None;
    }
    let value = guess.plus(&rest, bits + 16)?.widened(2 * rest.top(), bits + 16)?;
    let shifted =
        value.plus(&ln2(bits + 16 + 48)?.times(&Ball::integer(turns.into()), bits + 16)?, bits + 16)?;
    match spread(x) {
        None => Some(shifted),
        // |ln(x + d) - ln x| <= 2 |d| / x for |d| <= x / 2
        Some(spread) => {
            let relative = spread - x.bottom()?;
            if relative > -1 { None } else { shifted.widened(relative + 2, bits) }
        }
    }
}

/// Cosine and sine.
pub fn cos_sin(x: &Ball, bits: usize) -> Option<(Ball, Ball)> {
    let top = x.top();
    if top > MAX_EXPONENT_TOP || spread(x).is_some_and(|spread| spread > 0) {
        return None;
    }
    let steps = halvings(bits);
    // A small argument needs its sine to a relative precision.
    let small = (-top).clamp(0, 4096) as usize;
    let scale = bits + steps + 48 + top.max(0) as usize + small;
    let value = fixed(x, scale)?;
    let quarter = fixed_constant(Name::Pi, scale + 40)? >> 41;
    let turns: IBig = (&value + (&quarter >> 1)).rounded_down(&quarter);
    let rest: IBig = (value - &turns * &quarter) >> steps;
    let square = (&rest * &rest) >> scale;
    let one = IBig::ONE << scale;
    let (mut cosine, mut sine) = (one.clone(), rest.clone());
    let (mut even, mut odd) = (one, rest);
    let mut count = 0u32;
    while count < 20_000 {
        even = -((&even * &square) >> scale) / IBig::from((count + 1) * (count + 2));
        odd = -((&odd * &square) >> scale) / IBig::from((count + 2) * (count + 3));
        count += 2;
        cosine += &even;
        sine += &odd;
        if even.clone().abs() <= IBig::ONE && odd.clone().abs() <= IBig::ONE {
            break;
        }
    }
    for _ in 0..steps {
        let next = (&cosine * &cosine - &sine * &sine) >> scale;
        sine = (&cosine * &sine) >> (scale - 1);
        cosine = next;
    }
    let error = UBig::from(u64::from(count) + 16) << (steps + 4);
    let error = error + (UBig::ONE << (top.max(0) as usize + 6));
    let ball = |value: IBig| {
        let ball = Ball::rounded(value, &error, -(scale as i64), bits + small + 8)?;
        match spread(x) {
            None => Some(ball),
            Some(spread) => ball.widened(spread, bits + small + 8),
        }
    };
    let (cosine, sine) = (ball(cosine)?, ball(sine)?);
    Some(match u8::try_from(&turns & IBig::from(3)).ok()? {
        0 => (cosine, sine),
        1 => (sine.negated(), cosine),
        2 => (cosine.negated(), sine.negated()),
        _ => (sine, cosine.negated()),
    })
}

trait RoundedDown {
    fn rounded_down(self, divisor: &IBig) -> IBig;
}

impl RoundedDown for IBig {
    fn rounded_down(self, divisor: &IBig) -> IBig {
        use dashu_base::DivEuclid;
        self.div_euclid(divisor.clone())
    }
}

/// The arctangent.
pub fn atan(x: &Ball, bits: usize) -> Option<Ball> {
    let one = Ball::integer(IBig::ONE);
    if x.top() > 1 {
        let quarter = pi(bits + 8)?.times(&Ball { middle: IBig::ONE, exponent: -1, radius: 0 }, bits + 8)?;
        let positive = x.sign()? == 1;
        let rest = atan(&x.inverse(bits + 8)?, bits + 8)?;
        let quarter = if positive { quarter } else { quarter.negated() };
        return quarter.minus(&rest, bits);
    }
    // atan x = 2 atan(x / (1 + sqrt(1 + x^2)))
    let steps = 2 + bits.isqrt() / 3;
    let working = bits + 2 * steps + 24;
    let mut y = x.clone();
    for _ in 0..steps {
        let root = y.times(&y, working)?.plus(&one, working)?.root(2, working)?;
        y = y.times(&root.plus(&one, working)?.inverse(working)?, working)?;
    }
    let scale = working + (-y.top()).clamp(0, 4096) as usize;
    let value = fixed(&y, scale)?;
    let square = (&value * &value) >> scale;
    let (mut sum, mut power) = (value.clone(), value);
    let mut odd = 1u32;
    loop {
        power = -((&power * &square) >> scale);
        odd += 2;
        let term = &power / IBig::from(odd);
        if term.clone().abs() <= IBig::ONE || odd > 20_000 {
            break;
        }
        sum += term;
    }
    let ball = Ball::rounded(sum, &UBig::from(2 * odd + 8), steps as i64 - scale as i64, working)?;
    match spread(&y) {
        None => Some(ball),
        Some(spread) => ball.widened(spread + steps as i64, bits + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_ratio::RBig;
    use proptest::prelude::*;

    fn ball(top: i64, bottom: u32, bits: usize) -> Ball {
        Ball::rational(&RBig::from_parts(top.into(), bottom.into()), bits)
    }

    fn meets(left: &Ball, right: &Ball, bits: usize) -> bool {
        let difference = left.minus(right, bits).unwrap();
        difference.has_zero() && difference.top() < left.top().max(0) - bits as i64 / 2
    }

    #[test]
    fn constants_start_as_known() {
        assert_eq!((pi(300).unwrap().floor(400)).unwrap(), IBig::from(3));
        let digits = |ball: Ball, n: usize| {
            ball.times(&Ball::integer(IBig::from(10).pow(n)), 600).unwrap().floor(700).unwrap().to_string()
        };
        assert_eq!(digits(pi(600).unwrap(), 50), "314159265358979323846264338327950288419716939937510");
        assert_eq!(
            digits(exp(&ball(1, 1, 500), 500).unwrap(), 40),
            "27182818284590452353602874713526624977572"
        );
        assert_eq!(
            digits(ln(&ball(10, 1, 500), 500).unwrap(), 40),
            "23025850929940456840179914546843642076011"
        );
        assert_eq!(digits(atan(&ball(1, 1, 500), 500).unwrap(), 20), "78539816339744830961");
    }

    proptest! {
        #[test]
        fn functions_invert_each_other(top in -4000i64..4000, bottom in 1u32..50, step in 0usize..4) {
            let bits = [64, 128, 333, 1024][step];
            let x = ball(top, bottom, bits);
            if top.abs() < 40 * i64::from(bottom) {
                let e = exp(&x, bits + 64).unwrap();
                prop_assert!(meets(&ln(&e, bits).unwrap(), &x, bits));
            }
            let (cosine, sine) = cos_sin(&x, bits).unwrap();
            let one = cosine.times(&cosine, bits).unwrap().plus(&sine.times(&sine, bits).unwrap(), bits).unwrap();
            prop_assert!(meets(&one, &Ball::integer(IBig::ONE), bits));
            let turned = atan(&x, bits).unwrap();
            let (cosine, sine) = cos_sin(&turned, bits).unwrap();
            prop_assert!(meets(&sine.times(&cosine.inverse(bits).unwrap(), bits).unwrap(), &x, bits - 16));
        }

        #[test]
        fn arithmetic_encloses_rationals(a in -999i64..999, b in 1u32..99, c in -999i64..999, d in 1u32..99, bits in 20usize..200) {
            let (x, y) = (RBig::from_parts(a.into(), b.into()), RBig::from_parts(c.into(), d.into()));
            let (left, right) = (Ball::rational(&x, bits), Ball::rational(&y, bits));
            let holds = |ball: Option<Ball>, value: &RBig| {
                let (low, high) = ball.unwrap().ends(10_000).unwrap();
                low <= *value && *value <= high
            };
            prop_assert!(holds(left.plus(&right, bits), &(&x + &y)));
            prop_assert!(holds(left.times(&right, bits), &(&x * &y)));
            if c != 0 {
                prop_assert!(holds(right.inverse(bits), &(RBig::ONE / &y)));
            }
            if a >= 0 {
                let root = left.root(2, bits).unwrap();
                prop_assert!(holds(root.times(&root, bits), &x));
            }
        }
    }
}
