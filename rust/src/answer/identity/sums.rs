//! Sums and products over an index.

use super::build::Builder;
use super::calls::MAX_SUMMANDS;
use super::graph::{Id, Term};
use crate::answer::counts::factorial;
use crate::answer::limits::Stop;
use crate::answer::tree::Node;
use dashu_base::BitTest;
use dashu_int::IBig;
use dashu_ratio::RBig;

impl Builder<'_> {
    /// A sum or product over an index with constant bounds, or a sum of a polynomial up to a variable bound.
    pub(super) fn indexed(
        &mut self,
        sum: bool,
        index: &str,
        from: &Node,
        to: &Node,
        body: &Node,
    ) -> Result<Id, Stop> {
        let (from, to) = (self.build(from)?, self.build(to)?);
        let start = self.integers(&[from])?[0].clone();
        let start = i64::try_from(&start).map_err(|_| Stop::Limit)?;
        if self.graph.as_rational(to).is_none() {
            return if sum { self.symbolic_sum(index, start, to, body) } else { Err(Stop::Beyond) };
        }
        let end = i64::try_from(&self.integers(&[to])?[0]).map_err(|_| Stop::Limit)?;
        if end - start >= MAX_SUMMANDS {
            return if sum { self.symbolic_sum(index, start, to, body) } else { Err(Stop::Limit) };
        }
        let mut result = self.graph.integer(i64::from(!sum))?;
        for at in start..=end {
            let value = self.at_index(index, at, body)?;
            result = if sum { self.graph.plus(result, value)? } else { self.graph.times(result, value)? };
            self.budget.spend(self.size_of(result))?;
        }
        Ok(result)
    }

    pub(super) fn size_of(&self, id: Id) -> u64 {
        match self.graph.term(id) {
            Term::Rational(value) => {
                let bits = value.denominator().bit_len() as u64;
                500 + bits * (1 + bits / 64)
            }
            Term::Sum(_, terms) => 500 + 300 * terms.len() as u64,
            Term::Product(factors) => 500 + 100 * factors.len() as u64,
            _ => 500,
        }
    }

    fn at_index(&mut self, index: &str, at: i64, body: &Node) -> Result<Id, Stop> {
        let value = self.graph.integer(at)?;
        self.bound.push((index.to_owned(), value));
        let result = self.build(body);
        self.bound.pop();
        result
    }

    /// A polynomial in the index is summed by its differences: the sum of `f` from `s` to `n` is that of
    /// `D^j f(s) C(n-s+1, j+1)`.
    fn symbolic_sum(&mut self, index: &str, start: i64, to: Id, body: &Node) -> Result<Id, Stop> {
        let symbol = self.graph.intern(Term::Symbol(format!("#{index}")))?;
        self.bound.push((index.to_owned(), symbol));
        let general = self.build(body);
        self.bound.pop();
        let general = self.graph.expanded(general?)?;
        let degree = self.degree(general, symbol).filter(|degree| *degree <= 12).ok_or(Stop::Beyond)?;
        let mut values = Vec::new();
        for step in 0..=degree {
            values.push(self.at_index(index, start + step, body)?);
        }
        let shift = self.graph.integer(1 - start)?;
        let length = self.graph.plus(to, shift)?;
        let mut sum = self.graph.integer(0)?;
        for order in 0..=degree as u32 {
            let factor = RBig::from_parts(IBig::ONE, factorial(order + 1));
            let binomial = self.falling(length, order + 1, &factor)?;
            let term = self.graph.times(values[0], binomial)?;
            sum = self.graph.plus(sum, term)?;
            for at in 0..values.len() - 1 {
                values[at] = self.graph.minus(values[at + 1], values[at])?;
            }
            values.pop();
        }
        Ok(sum)
    }

    /// The degree of an expanded term as a polynomial in a symbol.
    fn degree(&self, id: Id, symbol: Id) -> Option<i64> {
        let of_term = |id: Id| {
            let mut degree = 0;
            for (factor, power) in self.graph.factors(id).1 {
                if factor == symbol && power > 0 {
                    degree += power;
                } else if self.graph.reachable(&[factor]).contains(&symbol) {
                    return None;
                }
            }
            Some(degree)
        };
        match self.graph.term(id) {
            Term::Sum(_, terms) => terms.iter().try_fold(0, |most, (id, _)| Some(of_term(*id)?.max(most))),
            _ => of_term(id),
        }
    }
}
