//! What products reduce by: roots of unity, signs, whole powers of roots.

use super::graph::{Graph, Id, Term};
use crate::answer::limits::{MAX_NUMBER_BITS, Stop};
use dashu_base::{Abs, BitTest, DivEuclid};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::BTreeMap;

/// Exponents by factor.
pub type Factors = BTreeMap<Id, i64>;

impl Graph {
    /// Joins roots of unity to one, and drops even powers of signs.
    pub(super) fn reduce_unities(
        &mut self,
        factors: &mut Factors,
        coefficient: &mut RBig,
    ) -> Result<(), Stop> {
        let mut turns = RBig::ZERO;
        let mut found = false;
        for (id, exponent) in factors.iter_mut() {
            match self.term(*id) {
                Term::Unity(own) => {
                    turns += own * RBig::from(*exponent);
                    *exponent = 0;
                    found = true;
                }
                Term::Sign(_) => *exponent = exponent.rem_euclid(2),
                _ => {}
            }
        }
        if found {
            let (negative, turns) = folded_turns(&turns);
            if negative {
                *coefficient = -std::mem::take(coefficient);
            }
            if !turns.is_zero() {
                let id = self.intern(Term::Unity(turns))?;
                factors.insert(id, 1);
            }
        }
        Ok(())
    }

    /// Takes whole powers out of roots: `sqrt(2)^3` is `2 sqrt(2)`.
    pub(super) fn reduce_roots(&mut self, factors: &mut Factors, coefficient: &mut RBig) -> Result<(), Stop> {
        for _ in 0..8 {
            let mut wholes = Vec::new();
            for (id, exponent) in factors.iter_mut() {
                if let Term::Root(of, degree) = self.term(*id) {
                    let degree = i64::from(*degree);
                    let whole = exponent.div_euclid(degree);
                    *exponent -= whole * degree;
                    if whole != 0 {
                        wholes.push((*of, whole));
                    }
                }
                if let Term::Exp { of, share } = self.term(*id)
                    && *share > 1
                {
                    let whole = exponent.div_euclid(i64::from(*share));
                    *exponent -= whole * i64::from(*share);
                    if whole != 0 {
                        let of = *of;
                        wholes.push((self.index_of_exp(of)?, whole));
                    }
                }
            }
            if wholes.is_empty() {
                return Ok(());
            }
            for (of, whole) in wholes {
                let (factor, parts) = self.factors(of);
                *coefficient *= power_of(&factor, whole)?;
                for (id, exponent) in parts {
                    let sum = factors.entry(id).or_insert(0);
                    *sum = sum.checked_add(exponent * whole).ok_or(Stop::Limit)?;
                }
            }
        }
        Ok(())
    }

    fn index_of_exp(&mut self, of: Id) -> Result<Id, Stop> {
        // Interned whenever a share of it is.
        self.find(&Term::Exp { of, share: 1 }).ok_or(Stop::Beyond)
    }
}

/// Whether half a turn was taken off, and the turns from 0 to 1/2.
pub fn folded_turns(turns: &RBig) -> (bool, RBig) {
    let whole = turns.numerator().clone().div_euclid(IBig::from(turns.denominator().clone()));
    let turns = turns - RBig::from(whole);
    let half = RBig::from_parts(IBig::ONE, UBig::from(2u8));
    if turns >= half { (true, turns - half) } else { (false, turns) }
}

/// A power of a rational within the limits.
pub fn power_of(value: &RBig, exponent: i64) -> Result<RBig, Stop> {
    if value.is_zero() && exponent <= 0 {
        return Err(Stop::Undefined);
    }
    let (top, bottom) = (value.numerator(), value.denominator());
    let unit = bottom.is_one() && top.clone().abs() <= IBig::ONE;
    let size = exponent.unsigned_abs() as usize;
    if unit {
        return Ok(if size.is_multiple_of(2) { value * value } else { value.clone() });
    }
    if (top.bit_len().max(bottom.bit_len())).saturating_mul(size) > MAX_NUMBER_BITS {
        return Err(Stop::Limit);
    }
    let (top, bottom) = (top.pow(size), bottom.pow(size));
    Ok(if exponent >= 0 {
        RBig::from_parts(top, bottom)
    } else {
        let (sign, size) = top.into_parts();
        RBig::from_parts(IBig::from_parts(sign, bottom), size)
    })
}
