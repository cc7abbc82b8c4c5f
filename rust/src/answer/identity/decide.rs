//! Proofs that two terms are the same or not.

use super::complex::Complex;
use super::evaluate::{Point, Values};
use super::field;
use super::graph::{Graph, Id, Term};
use super::sample::{POINTS, formal, point, shares};
use super::separation;
use crate::answer::limits::{Budget, Stop};

/// Precisions at which constants are told apart. At the first one most products fit into two words, and most pairs differ.
const LADDER: [usize; 4] = [SCREENING_BITS, 128, 320, 1024];
const SCREENING_BITS: usize = 60;
/// Precisions at which functions are compared, besides the first: at every point, and at one.
const POINT_BITS: [usize; 2] = [128, 1024];
/// Common points that an identity in variables must hold at.
const MIN_POINTS: usize = 3;
/// Formal points of an identity with roots; each leaves a chance of error of degree / 2^30.
const FORMAL_POINTS: u64 = 4;
/// Points in a prime field; each leaves a chance of error of degree / 2^60.
const FIELD_POINTS: u64 = 2;

/// What was proved, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The same value or function.
    Equal(Proof),
    /// Not the same, by balls that do not meet at this many bits.
    Different(usize),
    /// The balls meet at the highest precision, and no exact argument says that the values do.
    Unseparated,
    /// No point was found at which both are defined.
    NoCommonPoint,
}

/// How an equality was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The same normal form.
    NormalForm,
    /// An algebraic number below its separation bound, at this many bits.
    Separation(usize),
    /// An identity in variables and atoms, tested in a finite field.
    Field,
    /// An identity in variables and atoms with roots, tested at algebraic points.
    AlgebraicPoints,
    /// A relation between logarithms or arctangents, by the product of their arguments.
    LogRelation,
}

impl Proof {
    /// In a few words.
    pub fn describe(self) -> String {
        match self {
            Self::NormalForm => "same normal form".to_owned(),
            Self::Separation(bits) => format!("below the root separation bound at {bits} bits"),
            Self::Field => "identity test in a prime field".to_owned(),
            Self::AlgebraicPoints => "identity test at algebraic points".to_owned(),
            Self::LogRelation => "multiplicative relation of the logarithms".to_owned(),
        }
    }
}

/// The value of a constant, in a ball.
pub fn enclosed(graph: &Graph, id: Id, bits: usize, budget: &mut Budget) -> Result<Option<Complex>, Stop> {
    let order = graph.reachable(&[id]);
    let point = Point::default();
    Ok(Values::of(graph, &point, &order, bits, budget)?.get(id).cloned())
}

/// Whether a constant is zero.
pub fn is_zero(graph: &mut Graph, id: Id, budget: &mut Budget) -> Result<bool, Stop> {
    let zero = graph.integer(0)?;
    match compare(graph, id, zero, Known::default(), budget)? {
        Decision::Equal(_) => Ok(true),
        Decision::Different(_) => Ok(false),
        Decision::Unseparated | Decision::NoCommonPoint => Err(Stop::Beyond),
    }
}

/// The sign of a real constant; None where it is not known.
pub fn sign(graph: &mut Graph, id: Id, budget: &mut Budget) -> Result<Option<i8>, Stop> {
    if let Some(value) = graph.as_rational(id) {
        use dashu_base::Signed;
        let sign = if value.is_zero() {
            0
        } else if value.numerator().is_negative() {
            -1
        } else {
            1
        };
        return Ok(Some(sign));
    }
    for bits in [64, 1024] {
        if let Some(value) = enclosed(graph, id, bits, budget)?
            && value.im.is_none()
            && let Some(sign) = value.re.sign()
        {
            return Ok(Some(sign));
        }
        if bits == 64 && is_zero(graph, id, budget).unwrap_or(false) {
            return Ok(Some(0));
        }
    }
    Ok(None)
}

/// What is known or agreed before two terms are compared.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Where false, a point at which only one of the two is defined leaves the question open.
    pub common_domain: bool,
    /// Both are defined at some point, and were not seen to differ there at a low precision.
    pub together: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { common_domain: true, together: false }
    }
}

/// Whether two terms are the same number, or the same function where both are defined.
pub fn compare(
    graph: &mut Graph,
    left: Id,
    right: Id,
    known: Known,
    budget: &mut Budget,
) -> Result<Decision, Stop> {
    if left == right {
        return Ok(Decision::Equal(Proof::NormalForm));
    }
    let difference = graph.minus(left, right)?;
    let expanded = graph.expanded(difference).unwrap_or(difference);
    if let Some(value) = graph.as_rational(expanded) {
        return Ok(if value.is_zero() { Decision::Equal(Proof::NormalForm) } else { Decision::Different(0) });
    }
    let difference = if graph.size() < 400 { expanded } else { difference };
    let conditions = graph.positive.clone();
    let roots: Vec<Id> = [left, right, difference].into_iter().chain(conditions).collect();
    let order = graph.reachable(&roots);
    let variables: Vec<Id> = order
        .iter()
        .copied()
        .filter(|id| match graph.term(*id) {
            Term::Call(name, _) => name != super::zeta::ZETA,
            term => matches!(term, Term::Symbol(_)),
        })
        .collect();
    if variables.is_empty() {
        return constants(graph, difference, &order, known, budget);
    }
    functions(graph, [left, right, difference], &order, &variables, known, budget)
}

fn constants(
    graph: &mut Graph,
    id: Id,
    order: &[Id],
    known: Known,
    budget: &mut Budget,
) -> Result<Decision, Stop> {
    let nowhere = Point::default();
    if known.together
        && let Some(proof) = certified(graph, id, &nowhere, 0, budget)?
    {
        return Ok(Decision::Equal(proof));
    }
    let mut defined = false;
    for (step, bits) in LADDER.into_iter().enumerate() {
        let values = Values::of(graph, &nowhere, order, bits, budget)?;
        if let Some(value) = values.get(id) {
            defined = true;
            if !value.has_zero() {
                return Ok(Decision::Different(bits));
            }
        }
        if step == 0
            && !known.together
            && let Some(proof) = certified(graph, id, &nowhere, 0, budget)?
        {
            return Ok(Decision::Equal(proof));
        }
    }
    Ok(if defined { Decision::Unseparated } else { Decision::NoCommonPoint })
}

fn functions(
    graph: &mut Graph,
    [left, right, id]: [Id; 3],
    order: &[Id],
    variables: &[Id],
    known: Known,
    budget: &mut Budget,
) -> Result<Decision, Stop> {
    let pieces = order
        .iter()
        .any(|id| matches!(graph.term(*id), Term::Abs(_) | Term::Floor(_) | Term::Max(_) | Term::Root(..)));
    // An identity of this kind holds at every point, so that only the common domain has to be found.
    let (formal, atoms) = formal_order(graph, id);
    let proof = in_field(graph, id, &formal, &atoms, budget)?;
    if let (Some(proof), true, true) = (proof, known.together, known.common_domain) {
        return Ok(Decision::Equal(proof));
    }
    let wanted = if pieces { POINTS as usize / 2 } else { MIN_POINTS };
    let mut common = Vec::new();
    for number in 0..POINTS {
        let point = point(graph, variables, number);
        let mut seen = None;
        let screened = usize::from(known.together);
        for bits in [SCREENING_BITS, POINT_BITS[0]].into_iter().skip(screened) {
            let values = Values::of(graph, &point, order, bits, budget)?;
            let inside = graph.positive.iter().all(|id| {
                values.get(*id).is_some_and(|value| value.im.is_none() && value.re.sign() == Some(1))
            });
            let defined = [left, right].map(|side| inside && values.get(side).is_some());
            let zero = values.get(id).map(Complex::has_zero);
            if defined == [true; 2] && zero == Some(false) {
                return Ok(Decision::Different(bits));
            }
            seen = Some((defined, zero));
            // What is proved needs no more than a point to hold at.
            if defined == [true; 2] && zero.is_some() && proof.is_some() {
                break;
            }
        }
        match seen {
            Some(([true, true], Some(_))) => common.push((number, point)),
            Some(([true, false] | [false, true], _)) if !known.common_domain => {
                return Ok(Decision::Unseparated);
            }
            _ => continue,
        }
        if common.len() >= wanted {
            break;
        }
    }
    let Some((_, first)) = common.first() else { return Ok(Decision::NoCommonPoint) };
    if common.len() < MIN_POINTS.min(if pieces { 2 } else { MIN_POINTS }) {
        return Ok(Decision::NoCommonPoint);
    }
    if let Some(proof) = proof {
        return Ok(Decision::Equal(proof));
    }
    if let Some(proof) = by_algebraic_points(graph, id, &common, budget)? {
        return Ok(Decision::Equal(proof));
    }
    // One point at full precision tells what differs by very little.
    let values = Values::of(graph, first, order, POINT_BITS[1], budget)?;
    let differs = values.get(id).is_some_and(|value| !value.has_zero());
    Ok(if differs { Decision::Different(POINT_BITS[1]) } else { Decision::Unseparated })
}

/// A proof at a few points, of which each is proof enough in a field or by logarithms.
fn by_algebraic_points(
    graph: &mut Graph,
    id: Id,
    points: &[(u64, Point)],
    budget: &mut Budget,
) -> Result<Option<Proof>, Stop> {
    let mut proof = None;
    for (number, point) in points.iter().take(FORMAL_POINTS as usize) {
        proof = certified(graph, id, point, *number, budget)?;
        if !matches!(proof, Some(Proof::AlgebraicPoints | Proof::Separation(_))) {
            break;
        }
    }
    Ok(proof)
}

/// What is taken as independent in an identity.
fn is_atom(graph: &Graph, id: Id) -> bool {
    match graph.term(id) {
        Term::Pi
        | Term::Symbol(_)
        | Term::Call(..)
        | Term::Sign(_)
        | Term::Ln(_)
        | Term::Factorial(_)
        | Term::Atan(_) => true,
        Term::Exp { of, share } => {
            let base = match graph.term(*of) {
                Term::Ln(base) => graph.as_rational(*base),
                _ => None,
            };
            base.is_none() && *share == 1
        }
        _ => false,
    }
}

/// The terms down to the atoms, and the atoms.
fn formal_order(graph: &Graph, id: Id) -> (Vec<Id>, Vec<Id>) {
    let mut seen = vec![false; graph.size()];
    let mut open = vec![id];
    let mut atoms = Vec::new();
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id as usize], true) {
            continue;
        }
        if let Term::Exp { of, share } = graph.term(id)
            && *share > 1
        {
            open.extend(graph.find(&Term::Exp { of: *of, share: 1 }));
        } else if is_atom(graph, id) {
            atoms.push(id);
        } else if !matches!(graph.term(id), Term::Exp { .. }) {
            graph.for_children(id, |child| open.push(child));
        }
    }
    atoms.sort_unstable();
    ((0..graph.size() as Id).filter(|id| seen[*id as usize]).collect(), atoms)
}

/// A proof that a value vanishes, near a point where its ball holds zero.
fn certified(
    graph: &mut Graph,
    id: Id,
    natural: &Point,
    number: u64,
    budget: &mut Budget,
) -> Result<Option<Proof>, Stop> {
    let (order, atoms) = formal_order(graph, id);
    if atoms.is_empty() && order.iter().all(|id| !matches!(graph.term(*id), Term::Exp { .. })) {
        let zero = separation::is_zero_at(graph, natural, &order, id, budget)?;
        return Ok(zero.and_then(|(zero, bits)| zero.then_some(Proof::Separation(bits))));
    }
    if let Some(proof) = in_field(graph, id, &order, &atoms, budget)? {
        return Ok(Some(proof));
    }
    let full = graph.reachable(&atoms);
    let near = Values::of(graph, natural, &full, 128, budget)?;
    let point = formal(graph, natural, &atoms, &near, number);
    match separation::is_zero_at(graph, &point, &order, id, budget)? {
        Some((true, _)) => {
            // A constant has one natural point: more formal ones stand in for it.
            let more = if natural.values.is_empty() { FORMAL_POINTS } else { 0 };
            for number in 1..more {
                let near = Values::of(graph, natural, &full, 128, budget)?;
                let point = formal(graph, natural, &atoms, &near, number);
                if !matches!(separation::is_zero_at(graph, &point, &order, id, budget)?, Some((true, _))) {
                    return Ok(None);
                }
            }
            Ok(Some(Proof::AlgebraicPoints))
        }
        _ => super::logs::relation(graph, id, natural, budget),
    }
}

fn in_field(
    graph: &Graph,
    id: Id,
    order: &[Id],
    atoms: &[Id],
    budget: &mut Budget,
) -> Result<Option<Proof>, Stop> {
    let with_shares = Point { shares: shares(graph, atoms), ..Point::default() };
    for number in 0..FIELD_POINTS {
        budget.spend(order.len() as u64 * 300)?;
        if field::value(graph, &with_shares, order, id, number) != Some(0) {
            return Ok(None);
        }
    }
    Ok(Some(Proof::Field))
}
