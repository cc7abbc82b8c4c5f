//! Named functions: elementary ones by reduction, counting ones exactly.

use super::build::Builder;
use super::decide::{enclosed, is_zero};
use super::graph::{Id, Term};
use crate::answer::counts;
use crate::answer::limits::Stop;
use crate::answer::rational::fraction;
use crate::answer::tree::{Constant, Node};
use dashu_base::{DivEuclid, Gcd, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Largest factorial that is written out.
const MAX_FACTORIAL: u32 = 8_000;
/// Terms of a sum that are added one by one.
pub const MAX_SUMMANDS: i64 = 2_000;
/// Factors of the gamma function at a half.
const MAX_HALVES: u32 = 200;
/// Bits of an integer part.
const MAX_FLOOR_BITS: usize = 2_048;

impl Builder<'_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Node]) -> Result<Id, Stop> {
        match (name, arguments) {
            ("sum" | "product", [_, from, to, _]) if [from, to].iter().any(|end| is_infinite(end)) => {
                return Err(Stop::Beyond);
            }
            ("sum" | "product", [Node::Symbol(index), from, to, body]) => {
                return self.indexed(name == "sum", index, from, to, body);
            }
            ("determinant", rows) => return self.determinant(rows),
            ("base", [Node::Number(digits), Node::Number(base)]) => {
                let base: u32 = base.digits.parse().map_err(|_| Stop::Beyond)?;
                let value = UBig::from_str_radix(&digits.digits, base).map_err(|_| Stop::Beyond)?;
                return self.graph.rational(value.into());
            }
            _ => {}
        }
        let ids = arguments.iter().map(|argument| self.build(argument)).collect::<Result<Vec<_>, _>>()?;
        match ids.as_slice() {
            [one] => self.unary(name, *one),
            [one, two] => self.binary(name, *one, *two),
            _ => self.many(name, &ids),
        }
    }

    fn unary(&mut self, name: &str, of: Id) -> Result<Id, Stop> {
        let one = self.graph.integer(1)?;
        match name {
            "sin" => Ok(self.cos_sin(of)?.1),
            "cos" => Ok(self.cos_sin(of)?.0),
            "tan" | "cot" | "sec" | "csc" => {
                let (cosine, sine) = self.cos_sin(of)?;
                let (top, bottom) = match name {
                    "tan" => (sine, cosine),
                    "cot" => (cosine, sine),
                    "sec" => (one, cosine),
                    _ => (one, sine),
                };
                self.divided(top, bottom)
            }
            "sinh" | "cosh" | "tanh" | "coth" | "sech" | "csch" => self.hyperbolic(name, of),
            "arcsin" => self.arcsine(of),
            "arccos" => {
                let (sine, pi) = (self.arcsine(of)?, self.graph.intern(Term::Pi)?);
                self.graph.sum(&[(pi, fraction(1, 2)), (sine, RBig::NEG_ONE)])
            }
            "arctan" => self.arctangent(of),
            "arcsec" | "arccsc" => {
                let inverse = self.divided(one, of)?;
                self.unary(if name == "arcsec" { "arccos" } else { "arcsin" }, inverse)
            }
            "arsinh" | "arcosh" | "artanh" => self.area(name, of),
            "Gamma" => self.gamma(of),
            "zeta" => self.zeta(of),
            "arccot" => {
                let inverse = self.divided(one, of)?;
                self.arctangent(inverse)
            }
            "exp" => self.exp(of),
            "lg" => self.log(of, 10),
            "log" if self.decimal_logs() => self.log(of, 10),
            "ln" | "log" => self.ln(of),
            "lb" => self.log(of, 2),
            "abs" => self.abs(of),
            "floor" => self.floor(of),
            "ceiling" => {
                let negative = self.graph.scaled(of, &RBig::NEG_ONE)?;
                let floor = self.floor(negative)?;
                self.graph.scaled(floor, &RBig::NEG_ONE)
            }
            "factorial" => self.factorial(of),
            "double_factorial" => self.double_factorial(of),
            "conjugate" => self.conjugate(of),
            "re" => {
                let conjugate = self.conjugate(of)?;
                self.half_sum(of, conjugate, &RBig::ONE)
            }
            "im" => {
                let conjugate = self.conjugate(of)?;
                let twice = self.half_sum(of, conjugate, &RBig::NEG_ONE)?;
                let unit = self.imaginary_unit()?;
                let part = self.graph.over(twice, unit)?;
                let part = self.graph.expanded(part)?;
                self.graph.force_real(part);
                Ok(part)
            }
            "cis" => {
                let unit = self.imaginary_unit()?;
                let exponent = self.graph.times(unit, of)?;
                self.exp(exponent)
            }
            "gcd" | "lcm" | "max" | "min" => Ok(of),
            "f" | "g" | "h" | "F" | "G" | "P" | "Q" => self.opaque(name, &[of]),
            _ => Err(Stop::Beyond),
        }
    }

    fn half_sum(&mut self, left: Id, right: Id, factor: &RBig) -> Result<Id, Stop> {
        let half = fraction(1, 2);
        let sum = self.graph.sum(&[(left, half.clone()), (right, half * factor)])?;
        let sum = self.graph.expanded(sum)?;
        if *factor == RBig::ONE {
            self.graph.force_real(sum);
        }
        Ok(sum)
    }

    fn binary(&mut self, name: &str, one: Id, two: Id) -> Result<Id, Stop> {
        match name {
            "log" | "lg" => {
                let (top, bottom) = (self.ln(one)?, self.ln(two)?);
                self.divided(top, bottom)
            }
            "binomial" => self.binomial(one, two),
            "permutation" => self.permutation(one, two),
            "ratio" => self.divided(one, two),
            "mod" => {
                let [one, two] = self.integers(&[one, two])?;
                if two.is_zero() {
                    return Err(Stop::Undefined);
                }
                let whole = one.clone().div_euclid(two.clone());
                self.graph.rational(RBig::from(one - whole * two))
            }
            "f" | "g" | "h" => self.opaque(name, &[one, two]),
            _ => self.many(name, &[one, two]),
        }
    }

    fn many(&mut self, name: &str, ids: &[Id]) -> Result<Id, Stop> {
        match name {
            "gcd" | "lcm" => {
                let mut result: Option<UBig> = None;
                for id in ids {
                    let [value] = self.integers(&[*id])?;
                    let value = super::ball::magnitude(&value);
                    result = Some(match result {
                        None => value,
                        Some(before) if name == "gcd" => before.gcd(value),
                        Some(before) if before.is_zero() || value.is_zero() => UBig::ZERO,
                        Some(before) => {
                            let common = (&before).gcd(&value);
                            before / common * value
                        }
                    });
                }
                self.graph.rational(result.ok_or(Stop::Beyond)?.into())
            }
            "max" => self.maximum(ids, &RBig::ONE),
            "min" => {
                let largest = self.maximum(ids, &RBig::NEG_ONE)?;
                self.graph.scaled(largest, &RBig::NEG_ONE)
            }
            "multinomial" => {
                let mut top = self.graph.integer(0)?;
                let mut bottom = self.graph.integer(1)?;
                for id in ids {
                    top = self.graph.plus(top, *id)?;
                    let factorial = self.factorial(*id)?;
                    bottom = self.graph.times(bottom, factorial)?;
                }
                let top = self.factorial(top)?;
                self.graph.over(top, bottom)
            }
            "f" | "g" | "h" => self.opaque(name, ids),
            _ => Err(Stop::Beyond),
        }
    }

    fn opaque(&mut self, name: &str, ids: &[Id]) -> Result<Id, Stop> {
        let ids = ids.iter().map(|id| self.graph.expanded(*id)).collect::<Result<Vec<_>, _>>()?;
        self.graph.intern(Term::Call(name.into(), ids))
    }

    pub(super) fn integers<const N: usize>(&self, ids: &[Id; N]) -> Result<[IBig; N], Stop> {
        let values = ids.map(|id| {
            self.graph.as_rational(id).filter(|value| value.is_int()).map(|value| value.numerator().clone())
        });
        if values.iter().any(Option::is_none) {
            return Err(Stop::Beyond);
        }
        Ok(values.map(Option::unwrap_or_default))
    }

    fn log(&mut self, of: Id, base: i64) -> Result<Id, Stop> {
        let base = self.graph.integer(base)?;
        let (top, bottom) = (self.ln(of)?, self.ln(base)?);
        self.graph.over(top, bottom)
    }

    fn hyperbolic(&mut self, name: &str, of: Id) -> Result<Id, Stop> {
        let up = self.exp(of)?;
        let down = self.graph.power(up, -1)?;
        let half = fraction(1, 2);
        let cosine = self.graph.sum(&[(up, half.clone()), (down, half.clone())])?;
        let sine = self.graph.sum(&[(up, half.clone()), (down, -half)])?;
        let one = self.graph.integer(1)?;
        match name {
            "sinh" => Ok(sine),
            "cosh" => Ok(cosine),
            "tanh" => self.graph.over(sine, cosine),
            "coth" => self.divided(cosine, sine),
            "sech" => self.graph.over(one, cosine),
            _ => self.divided(one, sine),
        }
    }

    /// Inverse hyperbolic functions as logarithms.
    fn area(&mut self, name: &str, of: Id) -> Result<Id, Stop> {
        let one = self.graph.integer(1)?;
        if name == "artanh" {
            let (above, below) = (self.graph.plus(one, of)?, self.graph.minus(one, of)?);
            let (above, below) = (self.ln(above)?, self.ln(below)?);
            return self.graph.sum(&[(above, fraction(1, 2)), (below, fraction(-1, 2))]);
        }
        let square = self.graph.power(of, 2)?;
        let shift = self.graph.integer(if name == "arsinh" { 1 } else { -1 })?;
        let radicand = self.graph.plus(square, shift)?;
        let radicand = self.graph.expanded(radicand)?;
        let root = self.root(radicand, 2)?;
        let sum = self.graph.plus(of, root)?;
        self.ln(sum)
    }

    /// `(n-1)!`; at halves, a multiple of the square root of the circle's constant.
    fn gamma(&mut self, of: Id) -> Result<Id, Stop> {
        let half =
            self.graph.as_rational(of).filter(|value| *value.denominator() == UBig::from(2u8)).cloned();
        let Some(value) = half else {
            let one = self.graph.integer(1)?;
            let before = self.graph.minus(of, one)?;
            return self.factorial(before);
        };
        let steps = u32::try_from(value.numerator()).map_err(|_| Stop::Beyond)? / 2;
        if steps > MAX_HALVES {
            return Err(Stop::Limit);
        }
        let factor =
            (0..steps).fold(RBig::ONE, |product, step| product * fraction(2 * i64::from(step) + 1, 2));
        let pi = self.graph.intern(Term::Pi)?;
        let root = self.root(pi, 2)?;
        self.graph.scaled(root, &factor)
    }

    /// The largest of values times a factor of 1 or -1.
    fn maximum(&mut self, ids: &[Id], factor: &RBig) -> Result<Id, Stop> {
        let mut ids = ids.iter().map(|id| self.graph.scaled(*id, factor)).collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        ids.dedup();
        if ids.iter().any(|id| !self.graph.is_real(*id)) {
            return Err(Stop::Beyond);
        }
        if ids.iter().any(|id| !self.graph.is_constant(*id)) {
            return self.graph.intern(Term::Max(ids));
        }
        let mut largest = *ids.first().ok_or(Stop::Beyond)?;
        for id in &ids[1..] {
            let difference = self.graph.minus(*id, largest)?;
            if super::decide::sign(self.graph, difference, self.budget)?.ok_or(Stop::Beyond)? > 0 {
                largest = *id;
            }
        }
        Ok(largest)
    }

    fn floor(&mut self, of: Id) -> Result<Id, Stop> {
        if let Some(value) = self.graph.as_rational(of) {
            let value = value.numerator().clone().div_euclid(IBig::from(value.denominator().clone()));
            return self.graph.rational(value.into());
        }
        if !self.graph.is_constant(of) {
            return self.graph.intern(Term::Floor(of));
        }
        for bits in [128, MAX_FLOOR_BITS] {
            let Some(value) = enclosed(self.graph, of, bits, self.budget)? else { continue };
            if let Some(floor) = value.re.floor(2 * MAX_FLOOR_BITS) {
                return self.graph.rational(floor.into());
            }
            // The ball holds an integer: perhaps it is the value.
            if let Some((_, high)) = value.re.ends(2 * MAX_FLOOR_BITS) {
                let near = self.graph.rational(RBig::from(high.floor()))?;
                let difference = self.graph.minus(of, near)?;
                if is_zero(self.graph, difference, self.budget)? {
                    return Ok(near);
                }
            }
        }
        Err(Stop::Limit)
    }

    /// The factorial; of symbols, relative to the first one at a whole distance from it.
    fn factorial(&mut self, of: Id) -> Result<Id, Stop> {
        let small = self.small(of, MAX_FACTORIAL);
        if let Some(n) = small {
            return self.graph.rational(RBig::from(counts::factorial(n)));
        }
        if self.graph.as_rational(of).is_some_and(|value| !value.is_int() || value.numerator().is_negative())
        {
            return Err(Stop::Undefined);
        }
        let of = self.graph.expanded(of)?;
        let (rest, base) = match self.graph.term(of).clone() {
            Term::Rational(value) => (value, self.graph.integer(0)?),
            Term::Sum(rest, terms) => (rest, self.graph.sum(&terms)?),
            _ => (RBig::ZERO, of),
        };
        let distance = rest.is_int().then(|| rest.numerator().clone()).ok_or(Stop::Beyond)?;
        for id in self.graph.reachable(&[of]) {
            if matches!(self.graph.term(id), Term::Symbol(_)) {
                self.graph.counts.insert(id);
            }
        }
        let near = |(other, start): &(Id, IBig)| {
            let steps = i64::try_from(&(&distance - start)).ok().filter(|steps| steps.abs() <= MAX_SUMMANDS);
            (*other == base).then_some(steps).flatten().map(|steps| (start.clone(), steps))
        };
        let Some((start, steps)) = self.graph.factorials.iter().find_map(near) else {
            self.graph.factorials.push((base, distance));
            return self.graph.intern(Term::Factorial(of));
        };
        let from = self.graph.rational(RBig::from(start.clone()))?;
        let first = self.graph.plus(base, from)?;
        let mut factors = vec![self.graph.intern(Term::Factorial(first))?];
        self.budget.spend(steps.unsigned_abs() * self.size_of(first))?;
        let (low, high, power) = if steps >= 0 { (1, steps, 1) } else { (steps + 1, 0, -1) };
        for step in low..=high {
            let offset = self.graph.rational(RBig::from(&start + IBig::from(step)))?;
            let factor = self.graph.plus(base, offset)?;
            factors.push(self.graph.power(factor, power)?);
        }
        self.graph.product_of(&factors)
    }

    fn small(&self, id: Id, limit: u32) -> Option<u32> {
        let value = self.graph.as_rational(id).filter(|value| value.is_int())?;
        u32::try_from(value.numerator()).ok().filter(|value| *value <= limit)
    }

    fn double_factorial(&mut self, of: Id) -> Result<Id, Stop> {
        let n = self.small(of, 1_000).ok_or(Stop::Beyond)?;
        let product =
            (1..=n).rev().step_by(2).fold(UBig::ONE, |product, factor| product * UBig::from(factor));
        self.graph.rational(product.into())
    }

    fn binomial(&mut self, n: Id, k: Id) -> Result<Id, Stop> {
        if let (Some(n), Some(k)) = (self.small(n, counts::MAX_COUNT), self.small(k, counts::MAX_COUNT)) {
            return self.graph.rational(RBig::from(counts::binomial(n, k)));
        }
        let difference = self.graph.minus(n, k)?;
        // C(n, n-2) has two factors like C(n, 2).
        for few in [k, difference] {
            if let Some(few) = self.small(few, 60) {
                return self.falling(n, few, &RBig::from_parts(IBig::ONE, counts::factorial(few)));
            }
        }
        let (n, k, rest) = (self.factorial(n)?, self.factorial(k)?, self.factorial(difference)?);
        let bottom = self.graph.times(k, rest)?;
        self.graph.over(n, bottom)
    }

    fn permutation(&mut self, n: Id, k: Id) -> Result<Id, Stop> {
        if let Some(few) = self.small(k, 400) {
            return self.falling(n, few, &RBig::ONE);
        }
        let rest = self.graph.minus(n, k)?;
        let (n, rest) = (self.factorial(n)?, self.factorial(rest)?);
        self.graph.over(n, rest)
    }

    /// `factor n (n-1) ... (n-k+1)`.
    pub(super) fn falling(&mut self, n: Id, k: u32, factor: &RBig) -> Result<Id, Stop> {
        self.budget.spend(u64::from(k) * self.size_of(n))?;
        let mut factors = vec![self.graph.rational(factor.clone())?];
        for step in 0..k {
            let step = self.graph.integer(-i64::from(step))?;
            factors.push(self.graph.plus(n, step)?);
        }
        self.graph.product_of(&factors)
    }

    /// By expansion along the first row.
    fn determinant(&mut self, rows: &[Node]) -> Result<Id, Stop> {
        let mut cells = Vec::new();
        for row in rows {
            let Node::Bracketed(_, _, row) = row else { return Err(Stop::Beyond) };
            cells.push(row.iter().map(|cell| self.build(cell)).collect::<Result<Vec<_>, _>>()?);
        }
        if cells.len() > 6 || cells.iter().any(|row| row.len() != cells.len()) {
            return Err(Stop::Beyond);
        }
        self.minor(&cells)
    }

    fn minor(&mut self, rows: &[Vec<Id>]) -> Result<Id, Stop> {
        let Some((first, rest)) = rows.split_first() else { return self.graph.integer(1) };
        let mut sum = self.graph.integer(0)?;
        for (column, value) in first.iter().enumerate() {
            let inner: Vec<_> =
                rest.iter().map(|row| [&row[..column], &row[column + 1..]].concat()).collect();
            let inner = self.minor(&inner)?;
            let term = self.graph.times(*value, inner)?;
            let sign = if column % 2 == 0 { RBig::ONE } else { RBig::NEG_ONE };
            sum = self.graph.sum(&[(sum, RBig::ONE), (term, sign)])?;
        }
        Ok(sum)
    }
}

fn is_infinite(node: &Node) -> bool {
    match node {
        Node::Constant(constant) => *constant == Constant::Infinity,
        Node::Negative(inner) => is_infinite(inner),
        _ => false,
    }
}
