//! A first look at two trees in double precision, before anything is built: most pairs that differ do so in the first
//! digits. What it says is a proof; what it cannot say is left to the exact way.

use super::doubles::Double;
use crate::answer::compare::{LogBase, Policy};
use crate::answer::tree::{Constant, Literal, Node};
use dashu_ratio::RBig;
use std::cmp::Ordering;

/// Places at which functions are looked at, until both are defined.
const PLACES: [(f64, f64); 3] = [(1.0, 2.0), (0.0, 1.0), (-1.0, 1.0)];

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glance {
    /// They differ at a point where both are defined.
    Apart,
    /// They do not come apart at a point where both are defined.
    Together,
    /// No point was seen at which both are defined.
    Nothing,
}

/// Looks at two trees times their scales, at a point if they hold variables.
pub fn glance(left: (&Node, &RBig), right: (&Node, &RBig), policy: Policy) -> Glance {
    let value = |(node, scale): (&Node, &RBig), place| {
        let value = Look { policy, place, bound: None }.of(node)?;
        if scale.is_one() { Some(value) } else { value.times(rational(scale)?) }
    };
    for place in PLACES {
        if let Some(one) = value(left, place)
            && let Some(other) = value(right, place)
        {
            return if one.is_apart_from(other) { Glance::Apart } else { Glance::Together };
        }
        if left.0.is_constant() && right.0.is_constant() {
            break;
        }
    }
    Glance::Nothing
}

/// Which of two real constants is smaller, where that is certain.
pub fn order(left: &Node, right: &Node) -> Option<Ordering> {
    let look = Look { policy: Policy::default(), place: PLACES[0], bound: None };
    // A variable has no sign.
    if !(left.is_constant() && right.is_constant()) {
        return None;
    }
    Some(look.of(left)?.minus(look.of(right)?)?.sign()?.cmp(&0))
}

/// The sign of a function of one variable at a constant, where that is certain.
pub fn sign_at(function: &Node, name: &str, at: &Node) -> Option<Ordering> {
    let mut look = Look { policy: Policy::default(), place: PLACES[0], bound: None };
    let at = if at.is_constant() { look.of(at)? } else { return None };
    look.bound = Some((name, at));
    Some(look.of(function)?.sign()?.cmp(&0))
}

fn rational(value: &RBig) -> Option<Double> {
    Double::integer(value.numerator().to_f64().value())?
        .over(Double::integer(value.denominator().to_f64().value())?)
}

/// Where variables are looked at.
#[derive(Clone, Copy)]
struct Look<'a> {
    policy: Policy,
    place: (f64, f64),
    /// A variable with a value of its own; others have none then.
    bound: Option<(&'a str, Double)>,
}

impl Look<'_> {
    /// The value of a tree; None where it is not defined, not certain or not of the kinds that are looked at.
    fn of(&self, node: &Node) -> Option<Double> {
        match node {
            Node::Number(literal) => number(literal),
            Node::Symbol(name) => self.symbol(name),
            Node::Constant(Constant::Pi) => Some(Double::pi()),
            Node::Constant(Constant::E) => Double::nearest(std::f64::consts::E),
            Node::Constant(Constant::I) => self.policy.imaginary_i.then(Double::i),
            Node::Negative(inner) => Some(self.of(inner)?.negated()),
            Node::Sum(terms) => {
                let mut terms = terms.iter();
                let first = self.of(terms.next()?)?;
                terms.try_fold(first, |sum, term| sum.plus(self.of(term)?))
            }
            Node::Product(factors) => {
                let mut factors = factors.iter();
                let first = self.of(factors.next()?)?;
                factors.try_fold(first, |product, factor| product.times(self.of(factor)?))
            }
            Node::Quotient(top, bottom) => self.of(top)?.over(self.of(bottom)?),
            Node::Power(base, exponent) => match (&**base, self.of(exponent)?) {
                (Node::Constant(Constant::E), exponent) => exponent.exp(),
                (base, exponent) => self.of(base)?.power(exponent),
            },
            Node::Root(radicand, degree) => self.of(radicand)?.root(self.of(degree)?),
            Node::Percent(inner) => self.of(inner)?.over(Double::integer(100.0)?),
            Node::Measured(inner, unit) if unit.measures("angle") => {
                let (top, bottom) = unit.factor;
                let degrees = self.of(inner)?.times(Double::integer(top as f64)?)?;
                degrees.times(Double::pi())?.over(Double::integer(bottom as f64 * 180.0)?)
            }
            Node::Measured(inner, unit) if unit.measures("radian") => self.of(inner),
            Node::Call(name, arguments) => self.call(name, arguments),
            _ => None,
        }
    }

    /// By the name, so that a value does not depend on which side holds it; letters that may count are whole.
    fn symbol(&self, name: &str) -> Option<Double> {
        if let Some((bound, value)) = self.bound {
            return (bound == name).then_some(value);
        }
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let (low, width) = self.place;
        if matches!(name, "n" | "k" | "m") {
            return Double::integer(3.0 + (hash >> 40) as f64 % 5.0 + if name == "n" { 5.0 } else { 0.0 });
        }
        // Halfway to the ends, so that no two letters stand where much is zero.
        Double::real(low + width * (0.1 + 0.8 * (hash >> 44) as f64 / (1u64 << 20) as f64), 0.0)
    }

    fn call(&self, name: &str, arguments: &[Node]) -> Option<Double> {
        match arguments {
            [one] => self.unary(name, one),
            [one, two] => {
                let (one, two) = (self.of(one)?, self.of(two)?);
                match name {
                    "ratio" => one.over(two),
                    "log" | "lg" => one.ln()?.over(two.ln()?),
                    "binomial" => binomial(one.as_whole()?, two.as_whole()?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn unary(&self, name: &str, argument: &Node) -> Option<Double> {
        let of = self.of(argument)?;
        let one = Double::integer(1.0)?;
        let over_one = |value: Double| one.over(value);
        match name {
            "sin" => Some(of.cos_sin()?.1),
            "cos" => Some(of.cos_sin()?.0),
            "tan" | "cot" | "sec" | "csc" => {
                let (cosine, sine) = of.cos_sin()?;
                match name {
                    "tan" => sine.over(cosine),
                    "cot" => cosine.over(sine),
                    "sec" => over_one(cosine),
                    _ => over_one(sine),
                }
            }
            "sinh" | "cosh" | "tanh" => {
                let (up, down) = (of.exp()?, of.negated().exp()?);
                let (sine, cosine) = (up.minus(down)?, up.plus(down)?);
                match name {
                    "tanh" => sine.over(cosine),
                    "sinh" => sine.over(Double::integer(2.0)?),
                    _ => cosine.over(Double::integer(2.0)?),
                }
            }
            "arcsin" => of.asin(),
            "arccos" => Double::pi().over(Double::integer(2.0)?)?.minus(of.asin()?),
            "arctan" => of.atan(),
            "arccot" => over_one(of)?.atan(),
            "exp" => of.exp(),
            "ln" => of.ln(),
            "log" if self.policy.log_base != LogBase::Ten => of.ln(),
            "log" | "lg" => of.ln()?.over(Double::integer(10.0)?.ln()?),
            "lb" => of.ln()?.over(Double::integer(2.0)?.ln()?),
            "abs" => of.abs(),
            "floor" => of.floor(),
            "ceiling" => Some(of.negated().floor()?.negated()),
            "factorial" => {
                let whole = of.as_whole().filter(|whole| (0.0..=100.0).contains(whole))?;
                (1..=whole as u32)
                    .try_fold(one, |product, factor| product.times(Double::integer(f64::from(factor))?))
            }
            _ => None,
        }
    }
}

fn binomial(n: f64, k: f64) -> Option<Double> {
    if !(0.0..=1000.0).contains(&n) || !(0.0..=n).contains(&k) {
        return None;
    }
    let few = k.min(n - k) as u32;
    (1..=few).try_fold(Double::integer(1.0)?, |value, step| {
        value.times(Double::integer(n + 1.0 - f64::from(step))?)?.over(Double::integer(f64::from(step))?)
    })
}

fn number(literal: &Literal) -> Option<Double> {
    if literal.repeating().is_some() {
        return None;
    }
    if literal.is_plain_integer() {
        return Double::integer(literal.digits.parse().ok()?);
    }
    let fraction = literal.fraction();
    Double::nearest(format!("{}.{fraction}e{}", literal.digits, literal.exponent).parse().ok()?)
}
