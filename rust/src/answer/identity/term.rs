//! The terms that expressions are made of.

use crate::answer::rational::half_words;
use dashu_ratio::RBig;
use std::hash::{Hash, Hasher};

/// Where a term stands in its graph; what it is made of has smaller ids.
pub type Id = u32;

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A rational number.
    Rational(RBig),
    /// `e^{2 pi i q}` with q between 0 and 1/2, both excluded.
    Unity(RBig),
    /// The circle's constant.
    Pi,
    /// A variable.
    Symbol(String),
    /// `e^{of/share}`.
    Exp {
        /// A term without rational factor.
        of: Id,
        /// At least 1.
        share: u32,
    },
    /// `(-1)^of` for an integer.
    Sign(Id),
    /// `ln |of|`, with its domain among the conditions of the graph.
    Ln(Id),
    /// `of!` at a fixed distance from its argument.
    Factorial(Id),
    /// The arctangent.
    Atan(Id),
    /// A value known only by its function and arguments.
    Call(String, Vec<Id>),
    /// Rational part, then terms with their factors; at least two parts, or a factor other than 1.
    Sum(RBig, Vec<(Id, RBig)>),
    /// Factors with exponents that are not zero.
    Product(Vec<(Id, i64)>),
    /// Principal root; the real one for odd degrees of negative reals.
    Root(Id, u32),
    /// Of a real value.
    Abs(Id),
    /// Of a real value.
    Floor(Id),
    /// Of real values.
    Max(Vec<Id>),
}

/// By hand, as the hash of a rational by its parts costs more than all else.
impl Hash for Term {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Rational(value) | Self::Unity(value) => hash_rational(value, state),
            Self::Pi => {}
            Self::Symbol(name) => name.hash(state),
            Self::Sign(id)
            | Self::Ln(id)
            | Self::Factorial(id)
            | Self::Atan(id)
            | Self::Abs(id)
            | Self::Floor(id) => id.hash(state),
            Self::Exp { of, share: number } | Self::Root(of, number) => (of, number).hash(state),
            Self::Call(name, ids) => (name, ids).hash(state),
            Self::Sum(rest, terms) => {
                hash_rational(rest, state);
                for (id, factor) in terms {
                    id.hash(state);
                    hash_rational(factor, state);
                }
            }
            Self::Product(factors) => factors.hash(state),
            Self::Max(ids) => ids.hash(state),
        }
    }
}

fn hash_rational<H: Hasher>(value: &RBig, state: &mut H) {
    match half_words(value) {
        Some(pair) => pair.hash(state),
        None => value.hash(state),
    }
}
