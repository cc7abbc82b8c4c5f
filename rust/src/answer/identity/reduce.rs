//! What products reduce by: roots of unity, signs, whole powers of roots.

use super::graph::{Graph, Id, Term};
use crate::answer::limits::{MAX_NUMBER_BITS, Stop};
use crate::answer::rational::{product, sum};
use dashu_base::{Abs, BitTest, Gcd, RemEuclid, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::BTreeMap;

/// Exponents by factor, in the order of the factors.
#[derive(Debug, Default)]
pub struct Factors(Vec<(Id, i64)>);

impl Factors {
    /// Times a power.
    pub fn multiply(&mut self, id: Id, exponent: i64) -> Result<(), Stop> {
        match self.0.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.0[at].1 = self.0[at].1.checked_add(exponent).ok_or(Stop::Limit)?,
            Err(at) => self.0.insert(at, (id, exponent)),
        }
        Ok(())
    }

    /// The exponent of a factor, which is taken out.
    fn take(&mut self, id: Id) -> i64 {
        match self.0.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.0.remove(at).1,
            Err(_) => 0,
        }
    }

    /// What is left of them.
    pub fn into_vec(mut self) -> Vec<(Id, i64)> {
        self.0.retain(|(_, exponent)| *exponent != 0);
        self.0
    }
}

impl Graph {
    /// Takes the rational content and the sign out of sums: `(4 - 2x)^-1` is `-(x - 2)^-1 / 2`.
    pub(super) fn reduce_sums(&mut self, factors: &mut Factors, coefficient: &mut RBig) -> Result<(), Stop> {
        let exponents = || factors.0.iter().map(|(_, exponent)| *exponent);
        if exponents().filter(|exponent| *exponent != 0).count() == 1
            && exponents().all(|exponent| matches!(exponent, 0 | 1))
        {
            return Ok(());
        }
        let ids = factors.0.iter().map(|(id, _)| *id);
        let sums: Vec<Id> = ids.filter(|id| matches!(self.term(*id), Term::Sum(..))).collect();
        for id in sums {
            let (content, primitive) = self.signed_content(id)?;
            if primitive == id {
                continue;
            }
            let exponent = factors.take(id);
            *coefficient = product(coefficient, &power_of(&content, exponent)?);
            factors.multiply(primitive, exponent)?;
        }
        Ok(())
    }

    /// The rational that leaves coprime integers with a positive last one, and the rest.
    pub fn signed_content(&mut self, id: Id) -> Result<(RBig, Id), Stop> {
        let Term::Sum(rest, terms) = self.term(id) else { return Ok((RBig::ONE, id)) };
        let negative = terms.last().is_some_and(|(_, factor)| factor.numerator().is_negative());
        let all = terms.iter().map(|(_, factor)| factor).chain((!rest.is_zero()).then_some(rest));
        let (mut numerator, mut denominator) = (UBig::ZERO, UBig::ONE);
        for value in all {
            let top = super::ball::magnitude(value.numerator());
            numerator = if numerator.is_zero() { top } else { numerator.gcd(top) };
            let common = (&denominator).gcd(value.denominator());
            denominator = denominator / common * value.denominator();
        }
        if !negative && numerator.is_one() && denominator.is_one() {
            return Ok((RBig::ONE, id));
        }
        let content = RBig::from_parts(IBig::from(numerator), denominator);
        let content = if negative { -content } else { content };
        let primitive = self.scaled(id, &(RBig::ONE / &content))?;
        Ok((content, primitive))
    }

    /// Roots of one positive rational become one root: `3^{1/4} 3^{1/2}` is `3^{3/4}`.
    pub(super) fn join_roots(&mut self, factors: &mut Factors) -> Result<(), Stop> {
        let mut families: BTreeMap<Id, Vec<(Id, u32)>> = BTreeMap::new();
        for (id, _) in &factors.0 {
            if let Term::Root(of, degree) = self.term(*id)
                && self.as_rational(*of).is_some()
            {
                families.entry(*of).or_default().push((*id, *degree));
            }
        }
        for (of, roots) in families {
            if roots.len() < 2 {
                continue;
            }
            let mut share = RBig::ZERO;
            for (id, degree) in roots {
                share += RBig::from_parts(IBig::from(factors.take(id)), UBig::from(degree));
            }
            let degree = u32::try_from(share.denominator()).map_err(|_| Stop::Limit)?;
            let top = i64::try_from(share.numerator()).map_err(|_| Stop::Limit)?;
            let root = if degree == 1 { of } else { self.intern(Term::Root(of, degree))? };
            factors.multiply(root, top)?;
        }
        Ok(())
    }

    /// Joins roots of unity to one, and drops even powers of signs.
    pub(super) fn reduce_unities(
        &mut self,
        factors: &mut Factors,
        coefficient: &mut RBig,
    ) -> Result<(), Stop> {
        let mut turns = RBig::ZERO;
        let mut found = false;
        for (id, exponent) in &mut factors.0 {
            match self.term(*id) {
                Term::Unity(own) => {
                    turns = sum(&turns, &product(own, &RBig::from(*exponent)));
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
                factors.take(id);
                factors.multiply(id, 1)?;
            }
        }
        Ok(())
    }

    /// Takes whole powers out of roots: `sqrt(2)^3` is `2 sqrt(2)`.
    pub(super) fn reduce_roots(&mut self, factors: &mut Factors, coefficient: &mut RBig) -> Result<(), Stop> {
        for _ in 0..8 {
            let ids = factors.0.iter().map(|(id, _)| *id);
            let rationals: Vec<Id> = ids.filter(|id| self.as_rational(*id).is_some()).collect();
            for id in rationals {
                let exponent = factors.take(id);
                if let Some(value) = self.as_rational(id) {
                    *coefficient = product(coefficient, &power_of(value, exponent)?);
                }
            }
            let mut wholes = Vec::new();
            for (id, exponent) in &mut factors.0 {
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
                *coefficient = product(coefficient, &power_of(&factor, whole)?);
                for (id, exponent) in parts {
                    factors.multiply(id, exponent.checked_mul(whole).ok_or(Stop::Limit)?)?;
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
    let bottom = turns.denominator();
    if !turns.numerator().is_negative() && turns.numerator() * 2u8 < *bottom.as_ibig() {
        return (false, turns.clone());
    }
    let twice = turns.numerator().clone().rem_euclid(IBig::from(bottom.clone())) * UBig::from(2u8);
    let negative = twice >= *bottom;
    let twice = if negative { twice - bottom } else { twice };
    (negative, RBig::from_parts(IBig::from(twice), bottom * UBig::from(2u8)))
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
        if bottom.is_one() { RBig::from(top) } else { RBig::from_parts(top, bottom) }
    } else {
        let (sign, size) = top.into_parts();
        RBig::from_parts(IBig::from_parts(sign, bottom), size)
    })
}
