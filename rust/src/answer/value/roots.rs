//! Real roots of polynomials in closed form: rational ones, quadratic and biquadratic factors, pure powers.

use super::polynomial::{Atom, Monomial, Polynomial, magnitude};
use crate::answer::limits::{Budget, Stop};
use crate::answer::rational::{self, bits, product, sum};
use crate::answer::tree::{Constant, Node};
use dashu_base::{Abs, Gcd, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Largest degree that is looked at.
const MAX_DEGREE: usize = 16;
/// Bits of a coefficient.
const MAX_COEFFICIENT_BITS: usize = 1_000;
/// Candidates for rational roots.
const MAX_CANDIDATES: usize = 4_000;

/// The real roots, in no order; None where they are not known to be complete.
pub fn real_roots(polynomial: &[RBig], budget: &mut Budget) -> Result<Vec<Node>, Stop> {
    let mut rest = trimmed(polynomial.to_vec());
    let long = |value: &RBig| bits(value) > MAX_COEFFICIENT_BITS;
    if rest.len() > MAX_DEGREE + 1 || rest.iter().any(long) {
        return Err(Stop::Limit);
    }
    let mut roots = Vec::new();
    while rest.len() > 1 && rest[0].is_zero() {
        rest.remove(0);
        push(&mut roots, rational(&RBig::ZERO));
    }
    while let Some(root) = if rest.len() > 1 { rational_root(&rest, budget)? } else { None } {
        rest = divided(&rest, &root);
        push(&mut roots, rational(&root));
    }
    match rest.len() {
        0 => Err(Stop::Undefined),
        1 => Ok(roots),
        3 => {
            roots.extend(quadratic(&rest[2], &rest[1], &rest[0]));
            Ok(roots)
        }
        5 if rest[1].is_zero() && rest[3].is_zero() => {
            for square in quadratic_values(&rest[4], &rest[2], &rest[0]) {
                if super::constants::order(&square, &rational(&RBig::ZERO), budget)?.is_gt() {
                    let root = Node::Root(Box::new(square), Box::new(rational(&RBig::from(2))));
                    roots.extend([Node::Negative(Box::new(root.clone())), root]);
                }
            }
            Ok(roots)
        }
        length if rest[1..length - 1].iter().all(RBig::is_zero) => {
            let (degree, value) = (length - 1, -rest[0].clone() / &rest[length - 1]);
            let even = degree % 2 == 0;
            if even && value.numerator().is_negative() {
                return Ok(roots);
            }
            let root = Node::Root(Box::new(rational(&value)), Box::new(rational(&RBig::from(degree as u64))));
            if even {
                roots.push(Node::Negative(Box::new(root.clone())));
            }
            roots.push(root);
            Ok(roots)
        }
        // Even powers with coefficients of one sign never vanish.
        _ if rest.iter().skip(1).step_by(2).all(RBig::is_zero)
            && rest.iter().all(|value| {
                value.is_zero() || value.numerator().is_negative() == rest[0].numerator().is_negative()
            }) =>
        {
            Ok(roots)
        }
        _ => Err(Stop::Beyond),
    }
}

/// Whether two polynomials vanish at the same complex numbers: the same factors, each counted once.
pub fn same_zeros(left: &[RBig], right: &[RBig]) -> bool {
    let monic = |polynomial: Vec<RBig>| -> Vec<RBig> {
        let polynomial = trimmed(polynomial);
        let lead = polynomial.last().cloned().unwrap_or(RBig::ONE);
        polynomial.into_iter().map(|value| value / &lead).collect()
    };
    monic(squarefree(left)) == monic(squarefree(right))
}

/// Whether two polynomials have no zero in common, not even a complex one.
pub fn share_no_zero(left: &[RBig], right: &[RBig]) -> bool {
    let (left, right) = (trimmed(left.to_vec()), trimmed(right.to_vec()));
    !left.is_empty() && !right.is_empty() && greatest_divisor(left, right).len() == 1
}

/// Whether a polynomial surely vanishes somewhere on the line: its degree is odd, or its sign changes.
pub fn has_real_root(polynomial: &[RBig]) -> bool {
    let polynomial = trimmed(polynomial.to_vec());
    if polynomial.len() < 2 {
        return false;
    }
    let negative = |at: i64| value_at(&polynomial, &RBig::from(at)).numerator().is_negative();
    let signs: Vec<bool> = [-1000i64, -30, -3, -1, 0, 1, 3, 30, 1000].into_iter().map(negative).collect();
    polynomial.len().is_multiple_of(2) || signs.iter().any(|sign| *sign != signs[0])
}

fn squarefree(polynomial: &[RBig]) -> Vec<RBig> {
    let slope = polynomial
        .iter()
        .enumerate()
        .skip(1)
        .map(|(power, value)| value * RBig::from(power as u64))
        .collect();
    let common = greatest_divisor(trimmed(polynomial.to_vec()), trimmed(slope));
    with_rest(trimmed(polynomial.to_vec()), &common).0
}

fn greatest_divisor(mut left: Vec<RBig>, mut right: Vec<RBig>) -> Vec<RBig> {
    while !right.is_empty() {
        let rest = with_rest(left, &right).1;
        left = std::mem::replace(&mut right, rest);
    }
    left
}

/// Quotient and remainder.
fn with_rest(mut top: Vec<RBig>, bottom: &[RBig]) -> (Vec<RBig>, Vec<RBig>) {
    let mut quotient = vec![RBig::ZERO; (top.len() + 1).saturating_sub(bottom.len())];
    while top.len() >= bottom.len() && !bottom.is_empty() {
        let shift = top.len() - bottom.len();
        let factor = rational::quotient(&top[top.len() - 1], &bottom[bottom.len() - 1]);
        for (at, value) in bottom.iter().enumerate() {
            top[at + shift] = sum(&top[at + shift], &-product(&factor, value));
        }
        quotient[shift] = factor;
        top = trimmed(top);
    }
    (quotient, top)
}

fn push(roots: &mut Vec<Node>, root: Node) {
    if !roots.contains(&root) {
        roots.push(root);
    }
}

fn trimmed(mut polynomial: Vec<RBig>) -> Vec<RBig> {
    while polynomial.last().is_some_and(RBig::is_zero) {
        polynomial.pop();
    }
    polynomial
}

/// A rational as a tree.
pub fn rational(value: &RBig) -> Node {
    let size = Node::number(magnitude(value.numerator()));
    let size = if value.is_int() {
        size
    } else {
        Node::Quotient(Box::new(size), Box::new(Node::number(value.denominator())))
    };
    if value.numerator().is_negative() { Node::Negative(Box::new(size)) } else { size }
}

fn quadratic(a: &RBig, b: &RBig, c: &RBig) -> Vec<Node> {
    quadratic_values(a, b, c)
}

/// `(-b ± sqrt(b^2 - 4ac)) / 2a`; one value for a double root.
fn quadratic_values(a: &RBig, b: &RBig, c: &RBig) -> Vec<Node> {
    let discriminant = b * b - RBig::from(4) * a * c;
    if discriminant.numerator().is_negative() {
        return Vec::new();
    }
    let twice = a + a;
    let middle = -b / &twice;
    if discriminant.is_zero() {
        return vec![rational(&middle)];
    }
    let root = Node::Root(
        Box::new(rational(&(discriminant / (&twice * &twice)))),
        Box::new(rational(&RBig::from(2))),
    );
    let other = Node::Negative(Box::new(root.clone()));
    vec![Node::Sum(vec![rational(&middle), other]), Node::Sum(vec![rational(&middle), root])]
}

fn value_at(polynomial: &[RBig], at: &RBig) -> RBig {
    polynomial.iter().rev().fold(RBig::ZERO, |so_far, value| sum(&product(&so_far, at), value))
}

fn divided(polynomial: &[RBig], root: &RBig) -> Vec<RBig> {
    let mut quotient = vec![RBig::ZERO; polynomial.len() - 1];
    let mut carry = RBig::ZERO;
    for at in (0..quotient.len()).rev() {
        carry = &polynomial[at + 1] + carry * root;
        quotient[at].clone_from(&carry);
    }
    quotient
}

/// A root `p/q` with p dividing the constant term and q the leading one.
fn rational_root(polynomial: &[RBig], budget: &mut Budget) -> Result<Option<RBig>, Stop> {
    if polynomial.len() == 2 {
        return Ok(Some(-polynomial[0].clone() / &polynomial[1]));
    }
    let common = polynomial.iter().fold(UBig::ONE, |common, value| {
        let shared = (&common).gcd(value.denominator());
        common / shared * value.denominator()
    });
    let whole = |value: &RBig| (value * RBig::from(common.clone())).numerator().clone();
    let ends = (whole(&polynomial[0]).abs(), whole(&polynomial[polynomial.len() - 1]).abs());
    let (Some(tops), Some(bottoms)) = (divisors(&ends.0), divisors(&ends.1)) else { return Ok(None) };
    for top in &tops {
        for bottom in &bottoms {
            budget.spend(300 * polynomial.len() as u64)?;
            for sign in [1i64, -1] {
                let root = RBig::from_parts(IBig::from(*top as i64 * sign), UBig::from(*bottom));
                if value_at(polynomial, &root).is_zero() {
                    return Ok(Some(root));
                }
            }
        }
    }
    Ok(None)
}

/// Divisors of a number that is not too large.
fn divisors(value: &IBig) -> Option<Vec<u64>> {
    let value = u64::try_from(value).ok().filter(|value| *value <= 1_000_000)?;
    let mut found = Vec::new();
    let mut divisor = 1;
    while divisor * divisor <= value {
        if value.is_multiple_of(divisor) {
            found.extend([divisor, value / divisor]);
        }
        divisor += 1;
    }
    found.sort_unstable();
    found.dedup();
    (found.len() <= MAX_CANDIDATES).then_some(found)
}

/// Coefficients by rising power of the only variable, times the power of it that clears negative ones; None with other
/// atoms or roots.
pub fn coefficients(polynomial: &Polynomial, name: &str) -> Option<Vec<RBig>> {
    let mut coefficients: Vec<RBig> = Vec::new();
    let powers = polynomial.terms().flat_map(|(monomial, _)| &monomial.powers);
    let shift = powers.map(|(_, power)| -*power).max().unwrap_or(0).max(0);
    for (monomial, value) in polynomial.terms() {
        let power = match monomial.powers.as_slice() {
            [] => shift as usize,
            [(Atom::Symbol(symbol), power)] if symbol == name => (*power + shift) as usize,
            _ => return None,
        };
        if !monomial.radicand.is_one() || power > 4 * MAX_DEGREE {
            return None;
        }
        if coefficients.len() <= power {
            coefficients.resize(power + 1, RBig::ZERO);
        }
        coefficients[power] = sum(&coefficients[power], value);
    }
    Some(coefficients)
}

/// A sum of real square roots with powers of pi and e as a tree; None with variables or opaque terms.
pub fn constant(polynomial: &Polynomial) -> Option<Node> {
    let power = |base: Node, power: i32| Node::Power(Box::new(base), Box::new(rational(&RBig::from(power))));
    let mut terms = Vec::new();
    for (monomial, value) in polynomial.terms() {
        let mut factors = vec![rational(value)];
        if monomial.radicand.is_negative() {
            return None;
        }
        if !monomial.radicand.is_one() {
            let radicand = rational(&RBig::from(monomial.radicand.clone()));
            factors.push(Node::Root(Box::new(radicand), Box::new(rational(&RBig::from(2)))));
        }
        for (atom, exponent) in &monomial.powers {
            factors.push(match atom {
                Atom::Pi => power(Node::Constant(Constant::Pi), *exponent),
                Atom::E => power(Node::Constant(Constant::E), *exponent),
                Atom::Symbol(_) | Atom::Opaque { .. } => return None,
            });
        }
        terms.push(if factors.len() == 1 { factors.swap_remove(0) } else { Node::Product(factors) });
    }
    Some(match terms.len() {
        0 => rational(&RBig::ZERO),
        1 => terms.swap_remove(0),
        _ => Node::Sum(terms),
    })
}

/// `slope name + rest`, both constant; None for anything else.
pub fn linear(polynomial: &Polynomial, name: &str) -> Option<(Polynomial, Polynomial)> {
    let (mut slope, mut rest) = (Polynomial::default(), Polynomial::default());
    let budget = &mut Budget::default();
    for (monomial, value) in polynomial.terms() {
        let mut powers = monomial.powers.clone();
        let at = powers.iter().position(|(atom, _)| matches!(atom, Atom::Symbol(symbol) if symbol == name));
        let into = match at {
            None => &mut rest,
            Some(at) if powers.remove(at).1 == 1 => &mut slope,
            Some(_) => return None,
        };
        let monomial = Monomial { radicand: monomial.radicand.clone(), powers };
        into.add(&Polynomial::term(monomial, value.clone()), budget).ok()?;
    }
    (!slope.is_zero()).then_some((slope, rest))
}
