//! Roots of rationals: perfect powers come out, what stays in is free of them.

use super::polynomial::{Atom, Polynomial, magnitude};
use crate::answer::limits::Stop;
use crate::answer::primes;
use dashu_base::{BitTest, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Divisors tried before a cofactor is taken as it is.
const MAX_DIVISOR: u32 = 1 << 12;

/// `n = outside^degree * inside`, where `inside` has no factor that is a perfect power of this degree.
/// None where that cannot be proved by small divisors.
fn split(n: &UBig, degree: u32) -> Option<(UBig, UBig)> {
    let root = n.nth_root(degree as usize);
    if root.pow(degree as usize) == *n {
        return Some((root, UBig::ONE));
    }
    let mut rest = u128::try_from(n).ok()?;
    let (mut outside, mut inside) = (UBig::ONE, UBig::ONE);
    for divisor in primes::up_to(MAX_DIVISOR).chain([MAX_DIVISOR + 1]).map(u64::from) {
        // A rest with no divisor below d holds a perfect power only if it is at least d^degree, alone or times more than d.
        if u128::from(divisor).checked_pow(degree + 1).is_none_or(|bound| bound > rest) {
            break;
        }
        if divisor > u64::from(MAX_DIVISOR) {
            return None;
        }
        let mut exponent = 0;
        if let Ok(mut small) = u64::try_from(rest) {
            while small.is_multiple_of(divisor) {
                small /= divisor;
                exponent += 1;
            }
            rest = u128::from(small);
        } else {
            while rest.is_multiple_of(u128::from(divisor)) {
                rest /= u128::from(divisor);
                exponent += 1;
            }
        }
        if exponent > 0 {
            outside *= UBig::from(divisor).pow(exponent / degree as usize);
            inside *= UBig::from(divisor).pow(exponent % degree as usize);
        }
    }
    let rest = UBig::from(rest);
    let root = rest.nth_root(degree as usize);
    if root.pow(degree as usize) == rest {
        outside *= root;
    } else {
        inside *= rest;
    }
    Some((outside, inside))
}

/// The square root, `i sqrt(-q)` for negative `q`.
pub fn square_root(value: &RBig) -> Polynomial {
    // sqrt(n/d) = sqrt(n d) / d
    let product = magnitude(value.numerator()) * value.denominator();
    let sign = if value.numerator().is_negative() { IBig::NEG_ONE } else { IBig::ONE };
    if product.is_zero() {
        return Polynomial::default();
    }
    let denominator = value.denominator().clone();
    match split(&product, 2) {
        Some((outside, inside)) => Polynomial::root(sign * IBig::from(inside))
            .scaled(&RBig::from_parts(IBig::from(outside), denominator)),
        None => opaque("sqrt", value),
    }
}

/// The real root of degree 3 or more; even roots of negative numbers are left alone.
pub fn higher_root(value: &RBig, degree: u32) -> Result<Polynomial, Stop> {
    let negative = value.numerator().is_negative();
    if value.is_zero() {
        return Ok(Polynomial::default());
    }
    if negative && degree.is_multiple_of(2) {
        return Err(Stop::Beyond);
    }
    // root(n/d) = root(n d^(degree-1)) / d
    let bits = value.denominator().bit_len().saturating_mul(degree as usize);
    if bits > 4096 {
        return Ok(opaque(&format!("root{degree}"), value));
    }
    let product = magnitude(value.numerator()) * value.denominator().pow(degree as usize - 1);
    let Some((outside, inside)) = split(&product, degree) else {
        return Ok(opaque(&format!("root{degree}"), value));
    };
    let outside = RBig::from_parts(IBig::from(outside), value.denominator().clone());
    let outside = if negative { -outside } else { outside };
    Ok(if inside.is_one() {
        Polynomial::from(outside)
    } else {
        opaque(&format!("root{degree}"), &RBig::from(inside)).scaled(&outside)
    })
}

fn opaque(function: &str, value: &RBig) -> Polynomial {
    Polynomial::atom(Atom::Opaque { name: format!("{function}({value})"), nonzero: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn perfect_powers_come_out() {
        let parts = |n: u64, degree| split(&UBig::from(n), degree).unwrap();
        assert_eq!(parts(72, 2), (6u8.into(), 2u8.into()));
        assert_eq!(parts(16, 3), (2u8.into(), 2u8.into()));
        assert_eq!(parts(999_983 * 999_983, 2), (999_983u32.into(), 1u8.into()));
        assert_eq!(parts(2 * 1009 * 1009, 2), (1009u32.into(), 2u8.into()));
    }

    proptest! {
        #[test]
        fn the_parts_multiply_back(n in 1u64..10_000_000, degree in 2u32..5) {
            let (outside, inside) = split(&UBig::from(n), degree).unwrap();
            prop_assert_eq!(outside.pow(degree as usize) * &inside, UBig::from(n));
            for p in [2u32, 3, 5, 7, 11, 101] {
                prop_assert!(!(&inside % UBig::from(p).pow(degree as usize)).is_zero());
            }
        }
    }
}
