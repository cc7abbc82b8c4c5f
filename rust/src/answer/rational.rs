//! Sums, products and quotients of rationals with a short way for integers, which most of them are and for which no common
//! divisors are sought, and for fractions of half words, of which one common divisor is sought. Sums of terms with
//! rational factors.

use dashu_base::BitTest;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Bits of numerator and denominator together.
pub fn bits(value: &RBig) -> usize {
    value.numerator().bit_len() + value.denominator().bit_len()
}

/// `left + right`.
pub fn sum(left: &RBig, right: &RBig) -> RBig {
    if left.is_int() && right.is_int() {
        RBig::from(left.numerator() + right.numerator())
    } else if left.is_zero() {
        right.clone()
    } else if let (Some((top, bottom)), Some((other_top, other_bottom))) =
        (half_words(left), half_words(right))
    {
        fraction(top * other_bottom + other_top * bottom, bottom * other_bottom)
    } else {
        left + right
    }
}

/// `left * right`.
pub fn product(left: &RBig, right: &RBig) -> RBig {
    match (left.is_int(), right.is_int()) {
        (true, true) => RBig::from(left.numerator() * right.numerator()),
        (true, _) if left.is_one() => right.clone(),
        (_, true) if right.is_one() => left.clone(),
        _ => match (half_words(left), half_words(right)) {
            (Some((top, bottom)), Some((other_top, other_bottom))) => {
                fraction(top * other_top, bottom * other_bottom)
            }
            _ => left * right,
        },
    }
}

/// `left / right`; the divisor must not be zero.
pub fn quotient(left: &RBig, right: &RBig) -> RBig {
    if right.is_one() {
        return left.clone();
    }
    match (half_words(left), half_words(right)) {
        (Some((top, bottom)), Some((other_top, other_bottom))) => {
            let sign = other_top.signum();
            fraction(sign * top * other_bottom, other_top.abs() * bottom)
        }
        _ => left / right,
    }
}

/// A fraction of words; the denominator must be positive.
pub fn fraction(top: i64, bottom: i64) -> RBig {
    if bottom == 1 {
        RBig::from(top)
    } else {
        RBig::from_parts(IBig::from(top), UBig::from(bottom.unsigned_abs()))
    }
}

/// Numerator and denominator where both have at most 31 bits: no sum of two products of such leaves a word.
pub fn half_words(value: &RBig) -> Option<(i64, i64)> {
    let (top, bottom) = (value.numerator(), value.denominator());
    if top.bit_len() > 31 || bottom.bit_len() > 31 {
        return None;
    }
    Some((i64::try_from(top).ok()?, i64::try_from(bottom).ok()?))
}

/// Terms in order, one for each key, without those whose factors sum to zero.
pub fn collect_terms<Key: Ord>(terms: &mut Vec<(Key, RBig)>) {
    terms.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = sum(&kept.1, &next.1);
        }
        same
    });
    terms.retain(|(_, factor)| !factor.is_zero());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rational() -> impl Strategy<Value = RBig> {
        let small = (-40i64..40, 1i64..40).prop_map(|(top, bottom)| fraction(top, bottom));
        // Around the ends of a half word.
        let long = (-3i64..3, 1i64..4, 0usize..64, 0usize..64).prop_map(|(top, bottom, up, down)| {
            RBig::from_parts(IBig::from(top) << up, UBig::from(bottom.unsigned_abs()) << down)
        });
        prop_oneof![small, long]
    }

    proptest! {
        #[test]
        fn short_ways_lead_to_the_same_values(left in rational(), right in rational()) {
            prop_assert_eq!(sum(&left, &right), &left + &right);
            prop_assert_eq!(product(&left, &right), &left * &right);
            if !right.is_zero() {
                prop_assert_eq!(quotient(&left, &right), &left / &right);
            }
        }
    }
}
