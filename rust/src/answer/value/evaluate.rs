//! From a tree to an exact value, within a budget.

use super::matrix::determinant;
use super::polynomial::{Atom, Polynomial};
use super::ratio::Ratio;
use super::root::{higher_root, square_root};
use super::trigonometry;
use crate::answer::counts;
use crate::answer::limits::{Budget, MAX_BITS, Stop};
use crate::answer::tree::{Constant, Node};
use dashu_base::{BitTest, DivEuclid, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// The value of an expression without units, lists or relations.
pub fn evaluate(node: &Node, budget: &mut Budget) -> Result<Ratio, Stop> {
    budget.spend(50)?;
    match node {
        Node::Number(literal) => Ok(literal.rational()?.into()),
        Node::Symbol(name) => Ok(Polynomial::atom(Atom::Symbol(name.clone())).into()),
        Node::Constant(constant) => match constant {
            Constant::Pi => Ok(Polynomial::atom(Atom::Pi).into()),
            Constant::E => Ok(Polynomial::atom(Atom::E).into()),
            Constant::I => Ok(Polynomial::root(IBig::NEG_ONE).into()),
            Constant::Infinity => Err(Stop::Undefined),
        },
        Node::Negative(inner) => Ok(evaluate(inner, budget)?.negated()),
        Node::Sum(terms) => {
            let Some((first, terms)) = terms.split_first() else { return Ok(RBig::ZERO.into()) };
            terms.iter().try_fold(evaluate(first, budget)?, |sum, term| {
                let term = evaluate(term, budget)?;
                sum.plus(&term, budget)
            })
        }
        Node::Product(factors) => {
            let Some((first, factors)) = factors.split_first() else { return Ok(RBig::ONE.into()) };
            factors.iter().try_fold(evaluate(first, budget)?, |product, factor| {
                let factor = evaluate(factor, budget)?;
                product.times(&factor, budget)
            })
        }
        Node::Quotient(top, bottom) => {
            let bottom = evaluate(bottom, budget)?.inverse(budget)?;
            evaluate(top, budget)?.times(&bottom, budget)
        }
        Node::Power(base, exponent) => power(base, exponent, budget),
        Node::Root(radicand, degree) => root(&evaluate(radicand, budget)?, degree, budget),
        Node::Percent(inner) => {
            let hundredth = RBig::from_parts(IBig::ONE, UBig::from(100u8));
            evaluate(inner, budget)?.times(&hundredth.into(), budget)
        }
        Node::Call(name, arguments) => call(name, arguments, budget),
        Node::Text(_)
        | Node::PlusMinus(..)
        | Node::Measured(..)
        | Node::Bracketed(..)
        | Node::List(_)
        | Node::Chain(..) => Err(Stop::Beyond),
    }
}

fn power(base: &Node, exponent: &Node, budget: &mut Budget) -> Result<Ratio, Stop> {
    let base = evaluate(base, budget)?;
    let exponent = evaluate(exponent, budget)?;
    let Some(value) = exponent.rational() else {
        return opaque("power", &[&base, &exponent], is_safe_base(&base));
    };
    if let (true, Ok(exponent)) = (value.is_int(), i64::try_from(value.numerator())) {
        return match base.power(exponent, budget) {
            // Too big to write out, yet known by its name.
            Err(Stop::Limit) if base.rational().is_some() => {
                opaque("power", &[&base, &value.into()], is_safe_base(&base))
            }
            result => result,
        };
    }
    let degree = u32::try_from(value.denominator()).ok().filter(|degree| (2..=64).contains(degree));
    match (degree, i64::try_from(value.numerator())) {
        (Some(2), Ok(numerator)) => square_root_of(&base)?.power(numerator, budget),
        (Some(degree), Ok(numerator))
            if base.rational().is_some_and(|base| !base.numerator().is_negative()) =>
        {
            root_of(&base, degree)?.power(numerator, budget)
        }
        _ => opaque("power", &[&base, &value.into()], is_safe_base(&base)),
    }
}

/// A rational other than zero: no power of it is zero.
fn is_safe_base(base: &Ratio) -> bool {
    base.rational().is_some_and(|base| !base.is_zero())
}

fn root(radicand: &Ratio, degree: &Node, budget: &mut Budget) -> Result<Ratio, Stop> {
    let degree = evaluate(degree, budget)?;
    let whole =
        degree.rational().filter(RBig::is_int).and_then(|degree| u32::try_from(degree.numerator()).ok());
    match whole {
        Some(0) => Err(Stop::Undefined),
        Some(1) => Ok(radicand.clone()),
        Some(2) => square_root_of(radicand),
        Some(degree @ 3..=64) => root_of(radicand, degree),
        _ => opaque("root", &[radicand, &degree], false),
    }
}

fn root_of(radicand: &Ratio, degree: u32) -> Result<Ratio, Stop> {
    match radicand.rational() {
        Some(value) => Ok(higher_root(&value, degree)?.into()),
        None => opaque(&format!("root{degree}"), &[radicand], false),
    }
}

/// Exact for rationals; else the rational content comes out and the rest is opaque: `sqrt(4+4x)` is `2 sqrt(1+x)`.
fn square_root_of(radicand: &Ratio) -> Result<Ratio, Stop> {
    if let Some(value) = radicand.rational() {
        return Ok(square_root(&value).into());
    }
    let Some(polynomial) = radicand.polynomial() else { return opaque("sqrt", &[radicand], false) };
    let content = polynomial.content().ok_or(Stop::Limit)?;
    let primitive = polynomial.clone().scaled(&(RBig::ONE / &content));
    // A sum of independent terms is zero only if it has none.
    let nonzero = primitive.is_independent();
    let rest = opaque("sqrt", &[&primitive.into()], nonzero)?;
    rest.times(&square_root(&content).into(), &mut Budget::default())
}

fn call(name: &str, arguments: &[Node], budget: &mut Budget) -> Result<Ratio, Stop> {
    if name == "determinant" {
        return determinant(arguments, budget);
    }
    // A sum without end is beyond this form, not undefined.
    let endless = |node: &Node| matches!(node, Node::Constant(Constant::Infinity));
    if matches!(name, "sum" | "product") && arguments.iter().any(endless) {
        return Err(Stop::Beyond);
    }
    if let [argument] = arguments
        && let Some(value) = trigonometry::exact(name, argument, budget)?
    {
        return Ok(value);
    }
    let values =
        arguments.iter().map(|argument| evaluate(argument, budget)).collect::<Result<Vec<_>, _>>()?;
    let rationals: Option<Vec<RBig>> = values.iter().map(Ratio::rational).collect();
    match (name, rationals.as_deref()) {
        ("ratio", _) => match values.as_slice() {
            [top, bottom] => top.times(&bottom.inverse(budget)?, budget),
            _ => Err(Stop::Beyond),
        },
        ("dots" | "base" | "reals" | "union" | "intersection" | "without" | "or" | "and", _) => {
            Err(Stop::Beyond)
        }
        ("abs", Some([value])) => {
            Ok(if value.numerator().is_negative() { -value.clone() } else { value.clone() }.into())
        }
        ("floor", Some([value])) => Ok(RBig::from(floor(value)).into()),
        ("ceiling", Some([value])) => Ok(RBig::from(-floor(&-value.clone())).into()),
        ("factorial", Some([value])) => match small(value, 1_500) {
            Some(n) => Ok(RBig::from(counts::factorial(n)).into()),
            None => opaque(name, &[&values[0]], true),
        },
        ("binomial", Some([n, k])) => match (small(n, 3_000), small(k, 3_000)) {
            (Some(n), Some(k)) => binomial(n, k).map(|value| RBig::from(value).into()),
            _ => opaque(name, &[&values[0], &values[1]], false),
        },
        _ => opaque(name, &values.iter().collect::<Vec<_>>(), false),
    }
}

fn floor(value: &RBig) -> IBig {
    value.numerator().clone().div_euclid(IBig::from(value.denominator().clone()))
}

fn small(value: &RBig, limit: u32) -> Option<u32> {
    value.is_int().then(|| u32::try_from(value.numerator()).ok()).flatten().filter(|value| *value <= limit)
}

fn binomial(n: u32, k: u32) -> Result<UBig, Stop> {
    let value = counts::binomial(n, k);
    if value.bit_len() > MAX_BITS { Err(Stop::Limit) } else { Ok(value) }
}

fn opaque(function: &str, arguments: &[&Ratio], nonzero: bool) -> Result<Ratio, Stop> {
    let mut name = String::with_capacity(32);
    name.extend([function, "("]);
    for (at, argument) in arguments.iter().enumerate() {
        name.push_str(if at == 0 { "" } else { ";" });
        name.push_str(&argument.name()?);
    }
    name.push(')');
    if name.len() > crate::answer::limits::MAX_NAME_BYTES {
        return Err(Stop::Limit);
    }
    Ok(Polynomial::atom(Atom::Opaque { name, nonzero }).into())
}
