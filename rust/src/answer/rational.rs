//! Sums and products of rationals with a short way for integers, which most of them are: no common divisors are sought.
//! Sums of terms with rational factors.

use dashu_base::BitTest;
use dashu_ratio::RBig;

/// Bits of numerator and denominator together.
pub fn bits(value: &RBig) -> usize {
    value.numerator().bit_len() + value.denominator().bit_len()
}

/// `left + right`.
pub fn sum(left: &RBig, right: &RBig) -> RBig {
    if left.is_int() && right.is_int() {
        RBig::from(left.numerator() + right.numerator())
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
        _ => left * right,
    }
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
