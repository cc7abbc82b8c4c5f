//! Sets of reals with finitely many ends: unions of intervals and points, in one canonical form.

use super::enclosure::Enclosure;
use super::ratio::Ratio;
use crate::answer::limits::{Budget, MAX_ENDS, Stop};
use dashu_ratio::RBig;
use std::cmp::Ordering;

/// A real constant that can be placed on the line.
#[derive(Debug, Clone)]
pub struct Point {
    value: Ratio,
    place: Enclosure,
}

impl Point {
    /// None for what is not known to be a real constant.
    pub fn new(value: Ratio) -> Option<Self> {
        let place = Enclosure::polynomial(value.polynomial()?)?;
        Some(Self { value, place })
    }

    /// Whether it is positive; None for zero and for what cannot be told from it.
    pub fn sign(&self) -> Option<bool> {
        match self.place.order(&Enclosure::rational(&RBig::ZERO))? {
            Ordering::Equal => None,
            order => Some(order == Ordering::Greater),
        }
    }

    fn order(&self, other: &Self, budget: &mut Budget) -> Result<Ordering, Stop> {
        if self.value.difference(&other.value, budget)?.is_zero() {
            return Ok(Ordering::Equal);
        }
        // Different values too close to tell apart stay unordered.
        self.place.order(&other.place).ok_or(Stop::Beyond)
    }
}

/// The line cut at points: `cells` says for each piece, from the left, whether it belongs to the set: the ray before the
/// first point, the first point, the open interval after it, and so on. No point separates three equal cells, so equal
/// sets have equal cells.
#[derive(Debug, Clone)]
pub struct Region {
    points: Vec<Point>,
    cells: Vec<bool>,
}

impl Region {
    /// Every real number.
    pub fn reals() -> Self {
        Self { points: Vec::new(), cells: vec![true] }
    }

    /// No number.
    pub fn empty() -> Self {
        Self { points: Vec::new(), cells: vec![false] }
    }

    /// The line cut once.
    pub fn cut(point: Point, below: bool, at: bool, above: bool) -> Self {
        Self { points: vec![point], cells: vec![below, at, above] }
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        !self.cells.contains(&true)
    }

    /// Whether it has more elements than can be listed.
    pub fn is_infinite(&self) -> bool {
        self.cells.iter().step_by(2).any(|inside| *inside)
    }

    /// Elements of both.
    pub fn intersection(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        self.combined(other, |left, right| left && right, budget)
    }

    /// Elements of either.
    pub fn union(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        self.combined(other, |left, right| left || right, budget)
    }

    /// Elements of this one only.
    pub fn without(&self, other: &Self, budget: &mut Budget) -> Result<Self, Stop> {
        self.combined(other, |left, right| left && !right, budget)
    }

    /// Whether both have the same elements.
    pub fn is_same(&self, other: &Self, budget: &mut Budget) -> Result<bool, Stop> {
        Ok(self.combined(other, |left, right| left != right, budget)?.is_empty())
    }

    fn combined(
        &self,
        other: &Self,
        join: impl Fn(bool, bool) -> bool,
        budget: &mut Budget,
    ) -> Result<Self, Stop> {
        let (mut left, mut right) = (0, 0);
        let mut result = Self { points: Vec::new(), cells: vec![join(self.cells[0], other.cells[0])] };
        while left < self.points.len() || right < other.points.len() {
            budget.spend(500)?;
            let order = match (self.points.get(left), other.points.get(right)) {
                (Some(left), Some(right)) => left.order(right, budget)?,
                (Some(_), None) => Ordering::Less,
                _ => Ordering::Greater,
            };
            // A point of one set lies inside a piece of the other.
            let from_left = usize::from(order != Ordering::Greater);
            let from_right = usize::from(order != Ordering::Less);
            let point = if from_left == 1 { &self.points[left] } else { &other.points[right] };
            let at = join(self.cells[2 * left + from_left], other.cells[2 * right + from_right]);
            left += from_left;
            right += from_right;
            let after = join(self.cells[2 * left], other.cells[2 * right]);
            if result.cells.last() != Some(&at) || at != after {
                result.points.push(point.clone());
                result.cells.extend([at, after]);
            }
        }
        if result.points.len() > MAX_ENDS { Err(Stop::Limit) } else { Ok(result) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn region(pieces: &[(i32, bool, bool, bool)]) -> Region {
        pieces.iter().fold(Region::empty(), |union, (end, below, at, above)| {
            let point = Point::new(Ratio::from(RBig::from(*end))).unwrap();
            union
                .combined(&Region::cut(point, *below, *at, *above), |a, b| a != b, &mut Budget::default())
                .unwrap()
        })
    }

    /// Membership of a half-integer, by the definition of the pieces.
    fn holds(pieces: &[(i32, bool, bool, bool)], halves: i32) -> bool {
        pieces.iter().fold(false, |inside, (end, below, at, above)| {
            inside
                != match halves.cmp(&(2 * end)) {
                    Ordering::Less => *below,
                    Ordering::Equal => *at,
                    Ordering::Greater => *above,
                }
        })
    }

    proptest! {
        #[test]
        fn equal_sets_have_equal_cells(
            left in prop::collection::vec((-2i32..3, any::<bool>(), any::<bool>(), any::<bool>()), 0..5),
            right in prop::collection::vec((-2i32..3, any::<bool>(), any::<bool>(), any::<bool>()), 0..5),
        ) {
            let budget = &mut Budget::default();
            let same = (-6..7).all(|halves| holds(&left, halves) == holds(&right, halves));
            let (one, other) = (region(&left), region(&right));
            prop_assert_eq!(one.is_same(&other, budget).unwrap(), same);
            prop_assert_eq!(one.cells == other.cells && one.points.len() == other.points.len() || !same, true);
            let both = one.intersection(&other, budget).unwrap();
            let either = one.union(&other, budget).unwrap();
            let apart = either.without(&both, budget).unwrap();
            prop_assert_eq!(apart.is_empty(), same);
        }
    }
}
