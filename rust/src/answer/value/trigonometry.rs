//! Sine, cosine and tangent of the angles whose values are square roots: multiples of 30 and 45 degrees.

use super::evaluate::evaluate;
use super::polynomial::{Atom, Monomial, Polynomial};
use super::ratio::Ratio;
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::Node;
use dashu_base::DivEuclid;
use dashu_int::IBig;
use dashu_ratio::RBig;

/// The value; None for other functions and angles.
pub fn exact(name: &str, argument: &Node, budget: &mut Budget) -> Result<Option<Ratio>, Stop> {
    if !matches!(name, "sin" | "cos" | "tan") {
        return Ok(None);
    }
    let Some(twelfths) = twelfths_of_pi(argument, budget)? else { return Ok(None) };
    // sin(t) = cos(pi/2 - t)
    let (cosine, sine) = (cosine(&twelfths), cosine(&(IBig::from(6) - &twelfths)));
    Ok(match (name, cosine, sine) {
        ("cos", Some(cosine), _) => Some(cosine.into()),
        ("sin", _, Some(sine)) => Some(sine.into()),
        ("tan", Some(cosine), Some(sine)) => {
            Some(Ratio::from(sine).times(&Ratio::from(cosine).inverse(budget)?, budget)?)
        }
        _ => None,
    })
}

/// The angle over `pi/12`, where that is whole.
fn twelfths_of_pi(argument: &Node, budget: &mut Budget) -> Result<Option<IBig>, Stop> {
    let (angle, per_unit) = match argument {
        Node::Measured(inner, unit) if unit.measures("angle") => {
            (evaluate(inner, budget)?.rational(), RBig::from(15))
        }
        Node::Measured(..) => return Ok(None),
        node => (multiple_of_pi(&evaluate(node, budget)?), RBig::ONE / RBig::from(12)),
    };
    let twelfths = angle.map(|angle| angle / per_unit);
    Ok(twelfths.filter(RBig::is_int).map(|twelfths| twelfths.numerator().clone()))
}

fn multiple_of_pi(value: &Ratio) -> Option<RBig> {
    let polynomial = value.polynomial()?;
    let mut terms = polynomial.terms();
    match (terms.next(), terms.next()) {
        (None, _) => Some(RBig::ZERO),
        (Some((monomial, factor)), None) => {
            let pi = Monomial { powers: [(Atom::Pi, 1)].into_iter().collect(), ..Monomial::default() };
            (*monomial == pi).then(|| factor.clone())
        }
        _ => None,
    }
}

fn cosine(twelfths: &IBig) -> Option<Polynomial> {
    // Even, of period 24, and odd about 6.
    let turned = twelfths - twelfths.clone().div_euclid(IBig::from(24)) * IBig::from(24);
    let turned = i32::try_from(&turned).ok()?;
    let folded = turned.min(24 - turned);
    let (folded, negative) = if folded > 6 { (12 - folded, true) } else { (folded, false) };
    let half = RBig::ONE / RBig::from(2);
    let value = match folded {
        0 => Polynomial::from(RBig::ONE),
        2 => Polynomial::root(IBig::from(3)).scaled(&half),
        3 => Polynomial::root(IBig::from(2)).scaled(&half),
        4 => Polynomial::from(half),
        6 => Polynomial::default(),
        _ => return None,
    };
    Some(if negative { value.negated() } else { value })
}
