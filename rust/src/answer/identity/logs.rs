//! Linear relations between logarithms, arctangents and pi: `2 ln(1 + sqrt 2) = ln(3 + 2 sqrt 2)`.

use super::decide::{Decision, Known, Proof, compare};
use super::evaluate::{Point, Values};
use super::graph::{Graph, Id, Term};
use crate::answer::limits::{Budget, Stop};
use crate::answer::rational::fraction;
use dashu_int::UBig;
use dashu_ratio::RBig;

/// Largest whole multiple of a logarithm in a relation.
const MAX_MULTIPLE: i64 = 64;

/// Whether a sum of rational multiples of logarithms, arctangents and pi vanishes, given that its ball holds zero.
///
/// With whole multiples `n` of logarithms of positive values, `sum n ln a = 0` exactly when the product of `a^n` is 1. With arctangents,
/// `2i sum n atan t` is a logarithm of the product of `((1 + i t) / (1 - i t))^n`; where that is 1 the sum is a multiple
/// of pi, and its ball says which.
pub fn relation(
    graph: &mut Graph,
    id: Id,
    natural: &Point,
    budget: &mut Budget,
) -> Result<Option<Proof>, Stop> {
    let expanded = graph.expanded(id)?;
    let Term::Sum(rest, terms) = graph.term(expanded).clone() else { return Ok(None) };
    let common = terms.iter().try_fold(UBig::ONE, |common, (_, factor)| {
        use dashu_base::Gcd;
        let shared = (&common).gcd(factor.denominator());
        let common = common / shared * factor.denominator();
        (common < UBig::from(1000u32)).then_some(common)
    });
    let (Some(common), true) = (common, rest.is_zero()) else { return Ok(None) };
    let one = graph.integer(1)?;
    let unit = graph.unity(&fraction(1, 4))?;
    let (mut logs, mut angles, mut turns) = (one, one, RBig::ZERO);
    let mut has_angles = false;
    for (id, factor) in terms {
        let multiple = factor * RBig::from(common.clone());
        let Some(power) =
            i64::try_from(multiple.numerator()).ok().filter(|power| power.abs() <= MAX_MULTIPLE)
        else {
            return Ok(None);
        };
        match *graph.term(id) {
            Term::Ln(of) if graph.is_real(of) => {
                let part = graph.power(of, power)?;
                logs = graph.times(logs, part)?;
            }
            Term::Atan(of) => {
                let imaginary = graph.times(unit, of)?;
                let up = graph.plus(one, imaginary)?;
                let down = graph.minus(one, imaginary)?;
                let turn = graph.over(up, down)?;
                let part = graph.power(turn, power)?;
                angles = graph.times(angles, part)?;
                has_angles = true;
            }
            // 2i n pi is a whole turn for whole n.
            Term::Pi => turns = RBig::from(power),
            _ => return Ok(None),
        }
    }
    if !turns.is_zero() && !has_angles {
        return Ok(None);
    }
    // The logarithms are of absolute values.
    let square = graph.power(logs, 2)?;
    for product in [square, angles] {
        if !matches!(compare(graph, product, one, Known::default(), budget)?, Decision::Equal(_)) {
            return Ok(None);
        }
    }
    let order = graph.reachable(&[expanded]);
    let values = Values::of(graph, natural, &order, 128, budget)?;
    let near = values.get(expanded).is_some_and(|value| value.has_zero() && value.top() < 0);
    Ok(near.then_some(Proof::LogRelation))
}
