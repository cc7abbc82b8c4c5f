//! Balls around the values of terms, at sample points of the variables.

use super::ball::Ball;
use super::complex::Complex;
use super::functions::{atan, pi};
use super::graph::{Graph, Id, Term};
use super::zeta::ZETA;
use crate::answer::limits::{Budget, Stop};
use dashu_int::IBig;
use dashu_ratio::RBig;
use std::collections::HashMap;

/// What variables and atoms stand for.
#[derive(Debug, Default)]
pub struct Point {
    /// Values by id.
    pub values: HashMap<Id, RBig>,
    /// Atoms stand for independent values instead of what they mean; nothing is checked against its domain.
    pub formal: bool,
    /// In formal points, exponentials of imaginary values: `(1 - s^2 + 2 s i) / (1 + s^2)` by their s.
    pub directions: HashMap<Id, RBig>,
    /// In formal points, the common multiple of the shares of an exponential by its id.
    pub shares: HashMap<Id, u32>,
}

/// Values of the reachable terms at a point; None where a value is outside its domain or not separated from a pole.
pub struct Values<'a> {
    graph: &'a Graph,
    point: &'a Point,
    bits: usize,
    known: Vec<Option<Complex>>,
}

impl<'a> Values<'a> {
    /// Of everything the roots are made of.
    pub fn of(
        graph: &'a Graph,
        point: &'a Point,
        order: &[Id],
        bits: usize,
        budget: &mut Budget,
    ) -> Result<Self, Stop> {
        let mut values = Self { graph, point, bits, known: vec![None; graph.size()] };
        let words = (bits / 64 + 1) as u64;
        for id in order {
            budget.spend(work(graph, graph.term(*id), words, point.formal))?;
            let value = values.value(*id).and_then(|value| values.within_domain(*id, value));
            values.known[*id as usize] = value;
        }
        Ok(values)
    }

    /// The ball of a term.
    pub fn get(&self, id: Id) -> Option<&Complex> {
        self.known[id as usize].as_ref()
    }

    /// Real terms have no imaginary part; one that is apart from zero says the point is outside the domain.
    fn within_domain(&self, id: Id, value: Complex) -> Option<Complex> {
        if !self.graph.is_real(id) {
            return Some(value);
        }
        match &value.im {
            None => Some(value),
            Some(im) if im.has_zero() => Some(value.re.into()),
            Some(_) => self.point.formal.then_some(value),
        }
    }

    fn value(&self, id: Id) -> Option<Complex> {
        let bits = self.bits;
        if let Some(value) = self.point.values.get(&id) {
            return Some(Ball::rational(value, bits).into());
        }
        match self.graph.term(id) {
            Term::Rational(value) => Some(Ball::rational(value, bits).into()),
            Term::Unity(turns) => Complex::turned(turns, bits),
            Term::Pi => Some(pi(bits)?.into()),
            Term::Call(name, arguments) if name == ZETA => {
                let argument = self.graph.as_rational(*arguments.first()?)?;
                Some(super::zeta::enclosed(u32::try_from(argument.numerator()).ok()?, bits)?.into())
            }
            Term::Symbol(_) | Term::Call(..) => None,
            Term::Exp { of, share } => self.exponential(*of, *share),
            Term::Sign(of) => {
                let exponent = self.integer(*of)?;
                Some(Ball::integer(if exponent % 2 == 0 { IBig::ONE } else { IBig::NEG_ONE }).into())
            }
            Term::Ln(of) => match (self.graph.is_real(*of), self.get(*of)?) {
                (true, value) => Complex::from(value.re.abs()).ln(bits),
                (false, value) => value.ln(bits),
            },
            Term::Atan(of) => {
                let value = self.get(*of)?;
                if value.im.is_some() { None } else { Some(atan(&value.re, bits)?.into()) }
            }
            Term::Factorial(of) => self.factorial(*of),
            Term::Sum(rest, terms) => {
                let mut sum = Complex::from(Ball::rational(rest, bits));
                for (id, factor) in terms {
                    let value = self.get(*id)?;
                    let value = if *factor == RBig::ONE {
                        value.clone()
                    } else {
                        value.times(&Ball::rational(factor, bits).into(), bits)?
                    };
                    sum = sum.plus(&value, bits)?;
                }
                Some(sum)
            }
            Term::Product(factors) => factors.iter().try_fold(Complex::one(), |product, (id, exponent)| {
                product.times(&self.get(*id)?.power(*exponent, bits)?, bits)
            }),
            Term::Root(of, degree) => self.get(*of)?.root(*degree, bits),
            Term::Abs(of) => Some(self.real(*of)?.abs().into()),
            Term::Floor(of) => Some(Ball::integer(self.real(*of)?.floor(4 * bits)?).into()),
            Term::Max(ids) => {
                let mut largest = self.real(*ids.first()?)?;
                for id in &ids[1..] {
                    let value = self.real(*id)?;
                    if value.minus(&largest, bits)?.sign()? > 0 {
                        largest = value;
                    }
                }
                Some(largest.into())
            }
        }
    }

    fn real(&self, id: Id) -> Option<Ball> {
        let value = self.get(id)?;
        match &value.im {
            None => Some(value.re.clone()),
            Some(_) => None,
        }
    }

    fn integer(&self, id: Id) -> Option<i64> {
        let ball = self.real(id)?;
        let (low, high) = ball.ends(4096)?;
        (low == high && low.is_int()).then(|| i64::try_from(low.numerator()).ok()).flatten()
    }

    fn exponential(&self, of: Id, share: u32) -> Option<Complex> {
        // A power that is too big to be written out: the base is known exactly.
        if let Term::Ln(base) = self.graph.term(of)
            && let Some(base) = self.graph.as_rational(*base)
        {
            return Complex::from(Ball::rational(base, self.bits)).root(share, self.bits);
        }
        if self.point.formal {
            let whole = self.graph.find(&Term::Exp { of, share: 1 })?;
            let common = self.point.shares.get(&whole).copied().unwrap_or(1);
            let base = match self.point.directions.get(&whole) {
                Some(slope) => self.direction(slope),
                None => Complex::from(Ball::rational(self.point.values.get(&whole)?, self.bits)),
            };
            // The independent value is that of the smallest share.
            return base.power(i64::from(common / share), self.bits);
        }
        let share = Ball::rational(&RBig::from_parts(IBig::ONE, share.into()), self.bits + 8);
        self.get(of)?.times(&share.into(), self.bits + 8)?.exp(self.bits)
    }

    fn direction(&self, slope: &RBig) -> Complex {
        let square = slope * slope;
        let scale = RBig::ONE / (RBig::ONE + &square);
        let im = Ball::rational(&((slope + slope) * &scale), self.bits);
        Complex { re: Ball::rational(&((RBig::ONE - square) * scale), self.bits), im: Some(im) }
    }

    fn factorial(&self, of: Id) -> Option<Complex> {
        let n = self.integer(of).filter(|n| (0..=2_000).contains(n))?;
        let product = (2..=n).fold(IBig::ONE, |product, factor| product * IBig::from(factor));
        Ball::rounded(product, &dashu_int::UBig::ZERO, 0, self.bits).map(Complex::from)
    }
}

/// Cost of a complex product in real ones: four of them, two sums, and their rounding.
const COMPLEX_PRODUCTS: u64 = 10;

/// Rough cost in nanoseconds of one term at `words` words of precision.
fn work(graph: &Graph, term: &Term, words: u64, formal: bool) -> u64 {
    let product = 60 + words * words.isqrt() * 8;
    match term {
        Term::Rational(_) | Term::Symbol(_) | Term::Call(..) | Term::Sign(_) => 30,
        Term::Sum(_, terms) => terms.len() as u64 * (product + 100),
        Term::Product(factors) => factors
            .iter()
            .map(|(id, exponent)| {
                let product = if graph.is_real(*id) { product } else { COMPLEX_PRODUCTS * product };
                u64::from(64 - exponent.unsigned_abs().leading_zeros()) * 2 * product
                    + u64::from(*exponent < 0) * 4 * product
            })
            .sum(),
        Term::Root(_, degree) => product * (4 + u64::from(*degree)),
        Term::Pi | Term::Exp { .. } | Term::Ln(_) | Term::Atan(_) if formal => product * 4,
        Term::Unity(_) | Term::Pi | Term::Exp { .. } | Term::Ln(_) | Term::Atan(_) => {
            product * (40 + 8 * words.isqrt() * 4)
        }
        _ => product * 4,
    }
}
