//! Sums and products of rationals with a short way for integers, which most of them are: no common divisors are sought.

use dashu_ratio::RBig;

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
