//! Exponentials, logarithms and everything that reduces to them.

use super::build::Builder;
use super::decide::{enclosed, is_zero};
use super::factor::prime_powers;
use super::graph::{Id, Term};
use crate::answer::limits::Stop;
use crate::answer::rational::{fraction, product};
use dashu_base::{Abs, DivEuclid, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Largest denominator of a multiple of pi that inverse sines and tangents are recognised as.
const MAX_ANGLE: i64 = 120;
/// Shares of one exponential.
const MAX_SHARE: u32 = 64;

impl Builder<'_> {
    /// `e^u`, as a product of exponentials of the terms of `u`.
    pub(super) fn exp(&mut self, exponent: Id) -> Result<Id, Stop> {
        let exponent = self.graph.expanded(exponent)?;
        self.exp_of_multiple(exponent, &RBig::ONE)
    }

    pub(super) fn exp_of_multiple(&mut self, exponent: Id, multiple: &RBig) -> Result<Id, Stop> {
        let one = self.graph.integer(1)?;
        let (rest, terms) = match self.graph.term(exponent).clone() {
            Term::Rational(value) => (value, Vec::new()),
            Term::Sum(rest, terms) => (rest, terms),
            _ => (RBig::ZERO, vec![(exponent, RBig::ONE)]),
        };
        let mut factors = Vec::with_capacity(terms.len() + 1);
        for (id, factor) in terms.into_iter().chain([(one, rest)]) {
            if !factor.is_zero() {
                factors.push(self.exp_of_term(id, &product(&factor, multiple))?);
            }
        }
        self.graph.product_of(&factors)
    }

    /// `e^{factor term}` for a term without rational factor.
    pub(super) fn exp_of_term(&mut self, term: Id, factor: &RBig) -> Result<Id, Stop> {
        if let Term::Ln(base) = *self.graph.term(term) {
            return self.rational_power(base, factor);
        }
        if let Some(value) = self.exp_of_imaginary(term, factor)? {
            return Ok(value);
        }
        let share = u32::try_from(factor.denominator()).ok().filter(|share| *share <= MAX_SHARE);
        let Some(share) = share else {
            // Not worth sharing: an atom of its own.
            let of = self.graph.scaled(term, factor)?;
            return self.graph.intern(Term::Exp { of, share: 1 });
        };
        let top = i64::try_from(factor.numerator()).map_err(|_| Stop::Limit)?;
        let whole = self.graph.intern(Term::Exp { of: term, share: 1 })?;
        let base = if share == 1 { whole } else { self.graph.intern(Term::Exp { of: term, share })? };
        self.graph.product(RBig::ONE, [(base, top)])
    }

    /// Exponents that hold i: multiples of pi i, of i times an arctangent, of pi i times whole numbers.
    fn exp_of_imaginary(&mut self, term: Id, factor: &RBig) -> Result<Option<Id>, Stop> {
        let Term::Product(mut others) = self.graph.term(term).clone() else { return Ok(None) };
        let is_unit = |id: Id| match self.graph.term(id) {
            Term::Unity(turns) => *turns.denominator() == UBig::from(4u8),
            _ => false,
        };
        let Some(at) = others.iter().position(|(id, power)| *power == 1 && is_unit(*id)) else {
            return Ok(None);
        };
        others.remove(at);
        if let [(id, 1)] = others.as_slice()
            && let Term::Atan(tangent) = *self.graph.term(*id)
            && let (true, Ok(power)) = (factor.is_int(), i64::try_from(factor.numerator()))
        {
            if let Some((sine, cosine)) = self.graph.directions.get(id).copied() {
                let unit = self.imaginary_unit()?;
                let imaginary = self.graph.times(unit, sine)?;
                let direction = self.graph.plus(cosine, imaginary)?;
                let (direction, size) = if power < 0 {
                    // The conjugate is the inverse.
                    (self.graph.sum(&[(cosine, RBig::ONE), (imaginary, RBig::NEG_ONE)])?, -power)
                } else {
                    (direction, power)
                };
                return Ok(Some(self.graph.power(direction, size)?));
            }
            // (1 + i t) / sqrt(1 + t^2)
            let (one, unit) = (self.graph.integer(1)?, self.imaginary_unit()?);
            let imaginary = self.graph.times(unit, tangent)?;
            let direction = self.graph.plus(one, imaginary)?;
            let square = self.graph.power(tangent, 2)?;
            let size = self.graph.plus(one, square)?;
            let size = self.graph.expanded(size)?;
            let size = self.root(size, 2)?;
            let unit = self.graph.over(direction, size)?;
            return Ok(Some(self.graph.power(unit, power)?));
        }
        let Some(at) = others.iter().position(|(id, power)| *power == 1 && *self.graph.term(*id) == Term::Pi)
        else {
            return Ok(None);
        };
        others.remove(at);
        if others.is_empty() {
            return Ok(Some(self.graph.unity(&product(factor, &fraction(1, 2)))?));
        }
        // By custom these letters count.
        let counts = |id: &Id| match self.graph.term(*id) {
            Term::Symbol(name) => matches!(name.as_str(), "n" | "k" | "m"),
            _ => false,
        };
        if factor.is_int() && others.iter().all(|(id, power)| *power > 0 && counts(id)) {
            self.graph.integers.extend(others.iter().map(|(id, _)| *id));
            let exponent = self.graph.product(RBig::ONE, others)?;
            let odd = !(factor.numerator() % IBig::from(2)).is_zero();
            let sign = self.graph.intern(Term::Sign(exponent))?;
            return Ok(Some(if odd { sign } else { self.graph.integer(1)? }));
        }
        Ok(None)
    }

    pub(super) fn ln_of_prime(&mut self, prime: &UBig) -> Result<Id, Stop> {
        let prime = self.graph.rational(RBig::from(prime.clone()))?;
        self.graph.intern(Term::Ln(prime))
    }

    /// The principal logarithm, split over factors; what must be positive for that is noted.
    pub(super) fn ln(&mut self, id: Id) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(id).cloned() {
            return self.ln_of_rational(&value);
        }
        if !self.graph.is_real(id) {
            if let Term::Unity(turns) = self.graph.term(id).clone() {
                return self.multiple_of_pi_i(&(turns * RBig::from(2)));
            }
            let (factor, factors) = self.graph.factors(id);
            if let [(inner, 1)] = factors.as_slice()
                && let Term::Unity(turns) = self.graph.term(*inner).clone()
            {
                let turns = turns * RBig::from(2)
                    - if factor.numerator().is_negative() { RBig::ONE } else { RBig::ZERO };
                let size = self.ln_of_rational(&factor.abs())?;
                let angle = self.multiple_of_pi_i(&turns)?;
                return self.graph.plus(size, angle);
            }
            return self.graph.intern(Term::Ln(id));
        }
        if self.graph.is_constant(id) {
            match super::decide::sign(self.graph, id, self.budget)? {
                Some(0) => return Err(Stop::Undefined),
                Some(-1) => {
                    let size = self.graph.scaled(id, &RBig::NEG_ONE)?;
                    let (size, angle) = (self.ln_of_positive(size)?, self.multiple_of_pi_i(&RBig::ONE)?);
                    return self.graph.plus(size, angle);
                }
                Some(_) => {}
                None => return Err(Stop::Beyond),
            }
        } else if !self.graph.is_nonnegative(id) {
            self.graph.positive.push(id);
        }
        self.ln_of_positive(id)
    }

    fn multiple_of_pi_i(&mut self, factor: &RBig) -> Result<Id, Stop> {
        let (pi, unit) = (self.graph.intern(Term::Pi)?, self.imaginary_unit()?);
        let product = self.graph.times(pi, unit)?;
        self.graph.scaled(product, factor)
    }

    fn ln_of_rational(&mut self, value: &RBig) -> Result<Id, Stop> {
        if value.is_zero() {
            return Err(Stop::Undefined);
        }
        let mut parts = Vec::new();
        if value.numerator().is_negative() {
            parts.push((self.multiple_of_pi_i(&RBig::ONE)?, RBig::ONE));
        }
        for (prime, power) in prime_powers(&value.clone().abs(), self.budget)? {
            parts.push((self.ln_of_prime(&prime)?, RBig::from(power)));
        }
        self.graph.sum(&parts)
    }

    fn ln_of_positive(&mut self, id: Id) -> Result<Id, Stop> {
        let (content, primitive) = self.content(id)?;
        let mut parts = vec![(self.ln_of_rational(&content)?, RBig::ONE)];
        for (factor, power) in self.graph.factors(primitive).1 {
            let log = match *self.graph.term(factor) {
                Term::Exp { of, share } => self.graph.scaled(of, &fraction(1, i64::from(share)))?,
                Term::Root(of, degree) => {
                    let inner = match self.graph.as_rational(of).cloned() {
                        Some(value) => self.ln_of_rational(&value)?,
                        None => self.ln_of_positive(of)?,
                    };
                    self.graph.scaled(inner, &fraction(1, i64::from(degree)))?
                }
                Term::Abs(of) => self.ln_of_positive(of)?,
                Term::Sum(..) => {
                    let canonical = self.with_positive_lead(factor)?;
                    self.graph.intern(Term::Ln(canonical))?
                }
                _ => self.graph.intern(Term::Ln(factor))?,
            };
            parts.push((log, RBig::from(power)));
        }
        self.graph.sum(&parts)
    }

    /// One of a sum and its negative.
    fn with_positive_lead(&mut self, id: Id) -> Result<Id, Stop> {
        let Term::Sum(_, terms) = self.graph.term(id) else { return Ok(id) };
        let negative = terms.last().is_some_and(|(_, factor)| factor.numerator().is_negative());
        if negative { self.graph.scaled(id, &RBig::NEG_ONE) } else { Ok(id) }
    }

    /// Cosine and sine of an angle.
    pub(super) fn cos_sin(&mut self, angle: Id) -> Result<(Id, Id), Stop> {
        let unit = self.imaginary_unit()?;
        let exponent = self.graph.times(unit, angle)?;
        let turn = self.exp(exponent)?;
        let opposite = self.graph.scaled(exponent, &RBig::NEG_ONE)?;
        let back = self.exp(opposite)?;
        let half = fraction(1, 2);
        let cosine = self.graph.sum(&[(turn, half.clone()), (back, half.clone())])?;
        let sine = self.graph.sum(&[(turn, half.clone()), (back, -half)])?;
        let over = self.graph.power(unit, -1)?;
        let sine = self.graph.times(sine, over)?;
        let (cosine, sine) = (self.graph.expanded(cosine)?, self.graph.expanded(sine)?);
        if self.graph.is_real(angle) {
            self.graph.force_real(cosine);
            self.graph.force_real(sine);
        }
        Ok((self.simple_cosine(angle, 0, cosine)?, self.simple_cosine(angle, 6, sine)?))
    }

    /// Square roots for multiples of 30 and 45 degrees; `cos(shift pi/12 - angle)`.
    fn simple_cosine(&mut self, angle: Id, shift: i64, otherwise: Id) -> Result<Id, Stop> {
        let Some(turns) = self.multiple_of_pi(angle) else { return Ok(otherwise) };
        let twelfths = RBig::from(shift) - turns * RBig::from(12);
        let Some(twelfths) = twelfths.is_int().then(|| twelfths.numerator().clone()) else {
            return Ok(otherwise);
        };
        let folded = i64::try_from(&(twelfths.abs() % IBig::from(24))).map_err(|_| Stop::Limit)?;
        let folded = folded.min(24 - folded);
        let (folded, negative) = if folded > 6 { (12 - folded, true) } else { (folded, false) };
        let (square, half) = match folded {
            0 => (1, RBig::ONE),
            2 => (3, fraction(1, 2)),
            3 => (2, fraction(1, 2)),
            4 => (1, fraction(1, 2)),
            6 => return self.graph.integer(0),
            _ => return Ok(otherwise),
        };
        let square = self.graph.integer(square)?;
        let root = self.root(square, 2)?;
        self.graph.scaled(root, &if negative { -half } else { half })
    }

    /// The angle over pi, if that is rational.
    fn multiple_of_pi(&self, angle: Id) -> Option<RBig> {
        match self.graph.term(angle) {
            Term::Rational(value) if value.is_zero() => Some(RBig::ZERO),
            Term::Pi => Some(RBig::ONE),
            Term::Sum(rest, terms) if rest.is_zero() && terms.len() == 1 => {
                (*self.graph.term(terms[0].0) == Term::Pi).then(|| terms[0].1.clone())
            }
            _ => None,
        }
    }

    /// The arctangent, a multiple of pi where it is one.
    pub(super) fn arctangent(&mut self, tangent: Id) -> Result<Id, Stop> {
        if !self.graph.is_real(tangent) {
            return Err(Stop::Beyond);
        }
        if let Some(value) = self.graph.as_rational(tangent).cloned() {
            // Rational tangents of rational multiples of pi are 0, 1 and -1 only (Niven, 1956).
            return match value.clone().abs() {
                size if size.is_zero() => Ok(tangent),
                size if size.is_one() => {
                    let pi = self.graph.intern(Term::Pi)?;
                    self.graph.scaled(pi, &(value * fraction(1, 4)))
                }
                _ => self.odd_arctangent(tangent),
            };
        }
        let plain = self.odd_arctangent(tangent)?;
        if self.graph.is_constant(tangent)
            && let Some(turns) = self.recognised_angle(plain)?
        {
            let pi = self.graph.intern(Term::Pi)?;
            let angle = self.graph.scaled(pi, &turns)?;
            let (cosine, sine) = self.cos_sin(angle)?;
            // tan(angle) = tangent, and both angles are between -pi/2 and pi/2.
            let product = self.graph.times(tangent, cosine)?;
            let difference = self.graph.minus(product, sine)?;
            if is_zero(self.graph, difference, self.budget)? {
                return Ok(angle);
            }
        }
        Ok(plain)
    }

    fn odd_arctangent(&mut self, tangent: Id) -> Result<Id, Stop> {
        let negative = match self.graph.term(tangent) {
            Term::Rational(value) => value.numerator().is_negative(),
            Term::Sum(_, terms) => terms.last().is_some_and(|(_, factor)| factor.numerator().is_negative()),
            _ => false,
        };
        if negative {
            let size = self.graph.scaled(tangent, &RBig::NEG_ONE)?;
            let angle = self.graph.intern(Term::Atan(size))?;
            return self.graph.scaled(angle, &RBig::NEG_ONE);
        }
        self.graph.intern(Term::Atan(tangent))
    }

    /// A small multiple of pi that an angle may be.
    fn recognised_angle(&mut self, angle: Id) -> Result<Option<RBig>, Stop> {
        let pi = self.graph.intern(Term::Pi)?;
        let turns = self.graph.over(angle, pi)?;
        let Some(ball) = enclosed(self.graph, turns, 96, self.budget)? else { return Ok(None) };
        let Some((low, high)) = ball.re.ends(4096) else { return Ok(None) };
        let (low_bottom, high_bottom) = (low.denominator().as_ibig(), high.denominator().as_ibig());
        Ok((1..=MAX_ANGLE).find_map(|bottom| {
            // The whole number above the low end, where it is not above the high end too.
            let top = -(-(low.numerator() * bottom)).div_euclid(low_bottom);
            (&top * high_bottom <= high.numerator() * bottom)
                .then(|| RBig::from_parts(top, UBig::from(bottom.unsigned_abs())))
        }))
    }

    /// The arcsine: `atan(s / sqrt(1 - s^2))`.
    pub(super) fn arcsine(&mut self, sine: Id) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(sine).cloned() {
            if value.clone().abs() == RBig::ONE {
                let pi = self.graph.intern(Term::Pi)?;
                return self.graph.scaled(pi, &(value * fraction(1, 2)));
            }
            if value.abs() > RBig::ONE {
                return Err(Stop::Beyond);
            }
        }
        let (one, square) = (self.graph.integer(1)?, self.graph.power(sine, 2)?);
        let rest = self.graph.minus(one, square)?;
        let rest = self.graph.expanded(rest)?;
        let cosine = self.root(rest, 2)?;
        let tangent = self.divided(sine, cosine)?;
        let angle = self.arctangent(tangent)?;
        match self.graph.term(angle).clone() {
            Term::Atan(_) => {
                self.graph.directions.insert(angle, (sine, cosine));
            }
            // The arctangent of the opposite.
            Term::Sum(rest, terms) if rest.is_zero() && terms.len() == 1 && terms[0].1 == RBig::NEG_ONE => {
                let opposite = self.graph.scaled(sine, &RBig::NEG_ONE)?;
                self.graph.directions.insert(terms[0].0, (opposite, cosine));
            }
            _ => {}
        }
        Ok(angle)
    }
}
