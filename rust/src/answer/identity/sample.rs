//! Points at which expressions are compared. They follow from fixed seeds, so a verdict is always the same.

use super::evaluate::{Point, Values};
use super::graph::{Graph, Id, Term};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::collections::HashMap;

/// Points tried in the search for common ground.
pub const POINTS: u64 = 40;

/// The generator of Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
pub struct Draw(u64);

impl Draw {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x0123_4567_89AB_CDEF))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// A number from `low` to `high` in units of `2^-30`.
    fn between(&mut self, low: i64, high: i64) -> RBig {
        const UNIT: i64 = 1 << 30;
        let span = (high - low).unsigned_abs() << 30;
        let offset = (self.next() % span) as i64;
        RBig::from_parts(IBig::from(low * UNIT + offset), UBig::from(UNIT as u64))
    }
}

/// Values for the variables: a few points in chosen regions, then a mixture of signs and sizes.
pub fn point(graph: &Graph, atoms: &[Id], number: u64) -> Point {
    let mut values = HashMap::new();
    for id in atoms {
        // By name, as ids depend on which side was read first.
        let own = match graph.term(*id) {
            Term::Symbol(name) => name
                .bytes()
                .fold(1 << 32, |hash: u64, byte| hash.wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte)),
            _ => u64::from(*id),
        };
        let mut draw = Draw::new(own.wrapping_add(number * 1000));
        let value = match graph.term(*id) {
            Term::Symbol(_) if graph.counts.contains(id) => {
                RBig::from(UBig::from(3 + draw.next() % 12 + 20 * (number % 3)))
            }
            Term::Symbol(_) if graph.integers.contains(id) => RBig::from((draw.next() % 41) as i64 - 20),
            Term::Symbol(_) | Term::Call(..) => match number {
                0 => draw.between(0, 1),
                1 => draw.between(1, 3),
                2 => draw.between(-1, 0),
                3 => draw.between(-4, -1),
                4 => draw.between(10, 500),
                5 => draw.between(-300, -5),
                6 => draw.between(3, 8),
                _ => {
                    let regions = [(0, 1), (-1, 0), (1, 3), (-3, -1), (3, 12), (-9, -3), (12, 90), (-90, -9)];
                    let (low, high) = regions[(draw.next() % regions.len() as u64) as usize];
                    draw.between(low, high)
                }
            },
            _ => continue,
        };
        values.insert(*id, value);
    }
    Point { values, ..Point::default() }
}

/// The same point with every atom replaced by an independent value: close to its real one where it has one, so that roots and
/// absolute values take the same branch.
pub fn formal(graph: &Graph, natural: &Point, atoms: &[Id], near: &Values<'_>, number: u64) -> Point {
    let mut point = Point { formal: true, shares: shares(graph, atoms), ..Point::default() };
    for id in atoms {
        let mut draw = Draw::new(7_000_000 + number * 1000 + u64::from(*id));
        if let Term::Exp { of, .. } = graph.term(*id)
            && graph.imaginary_angle(*of)
        {
            let slope = near_slope(near.get(*of), point.shares.get(id).copied().unwrap_or(1), &mut draw);
            point.directions.insert(*id, slope);
            continue;
        }
        let value = match (natural.values.get(id), graph.term(*id)) {
            (Some(value), _) => value.clone(),
            (None, Term::Sign(_)) => RBig::from(if draw.next().is_multiple_of(2) { 1 } else { -1 }),
            (None, _) => {
                let real = near.get(*id).filter(|value| value.im.is_none() && graph.is_real(*id));
                match real.and_then(|value| value.re.ends(400)) {
                    Some((low, _))
                        if !low.is_zero() && point.shares.get(id).is_none_or(|share| *share == 1) =>
                    {
                        let jitter =
                            RBig::from_parts(IBig::from((draw.next() >> 34) as i64), UBig::ONE << 45);
                        rounded(&(low * (RBig::ONE + jitter)))
                    }
                    _ => RBig::from(UBig::from((1 << 20) + (draw.next() >> 44))),
                }
            }
        };
        point.values.insert(*id, value);
    }
    point
}

/// The tangent of half a share of an angle, from its natural value, a little off.
fn near_slope(value: Option<&super::complex::Complex>, share: u32, draw: &mut Draw) -> RBig {
    let random = RBig::from_parts(IBig::from((draw.next() >> 34) as i64 + 1), UBig::ONE << 28);
    let angle = value.and_then(|value| value.im.as_ref()).and_then(|angle| {
        let half = RBig::from_parts(IBig::ONE, UBig::from(2 * share));
        let angle = angle.times(&super::ball::Ball::rational(&half, 96), 96)?;
        let (cosine, sine) = super::functions::cos_sin(&angle, 96)?;
        sine.times(&cosine.inverse(96)?, 96)?.ends(400)
    });
    match angle {
        Some((low, _)) => {
            let jitter = RBig::from_parts(IBig::from((draw.next() >> 34) as i64), UBig::ONE << 45);
            rounded(&(low * (RBig::ONE + jitter)))
        }
        None => random,
    }
}

/// To 40 bits after the point.
fn rounded(value: &RBig) -> RBig {
    use dashu_base::DivEuclid;
    let scaled = (value.numerator() << 40).div_euclid(IBig::from(value.denominator().clone()));
    RBig::from_parts(scaled, UBig::ONE << 40)
}

/// The common multiple of the shares of every exponential among the atoms.
pub fn shares(graph: &Graph, atoms: &[Id]) -> HashMap<Id, u32> {
    let mut shares = HashMap::new();
    for id in 0..graph.size() as Id {
        if let Term::Exp { of, share } = graph.term(id)
            && let Some(whole) = graph.find(&Term::Exp { of: *of, share: 1 })
            && atoms.contains(&whole)
        {
            let common = shares.entry(whole).or_insert(1u32);
            let (mut a, mut b) = (*common, *share);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            *common = (*common / a).saturating_mul(*share);
        }
    }
    shares
}
