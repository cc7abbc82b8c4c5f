//! Sets of reals with finitely many ends: unions of intervals and points, in one canonical form.

use super::constants;
use super::shape::{Leaf, leaf};
use crate::answer::limits::{Budget, MAX_ENDS, Stop};
use crate::answer::tree::Node;
use std::cmp::Ordering;

/// A real constant.
#[derive(Debug, Clone)]
pub struct Point {
    /// As it was written or solved.
    pub leaf: Leaf,
}

impl Point {
    /// None for what is not known to be a real constant.
    pub fn new(leaf: &Leaf, budget: &mut Budget) -> Option<Self> {
        let plain = leaf.unit.is_none() && !leaf.percent;
        (plain && (leaf.rational().is_some() || constants::is_real(&leaf.node, budget)))
            .then(|| Self { leaf: leaf.clone() })
    }

    /// A constant that was solved for.
    pub fn of_node(node: Node, budget: &mut Budget) -> Option<Self> {
        Self::new(&leaf(node, budget), budget)
    }

    fn order(&self, other: &Self, budget: &mut Budget) -> Result<Ordering, Stop> {
        match (self.leaf.rational(), other.leaf.rational()) {
            (Some(left), Some(right)) => Ok(left.cmp(&right)),
            _ => constants::order(&self.leaf.node, &other.leaf.node, budget),
        }
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

    /// From points in rising order and cells as described; points that separate nothing are dropped.
    pub fn pieces(points: Vec<Point>, cells: &[bool]) -> Self {
        let mut result = Self { points: Vec::new(), cells: vec![cells[0]] };
        for (point, pair) in points.into_iter().zip(cells[1..].chunks(2)) {
            if result.cells.last() != Some(&pair[0]) || pair[0] != pair[1] {
                result.points.push(point);
                result.cells.extend_from_slice(pair);
            }
        }
        result
    }

    /// The ends, where both sets have the same pieces, pairwise.
    pub fn paired_ends<'a>(&'a self, other: &'a Self) -> Option<impl Iterator<Item = (&'a Leaf, &'a Leaf)>> {
        (self.cells == other.cells).then(|| {
            self.points.iter().map(|point| &point.leaf).zip(other.points.iter().map(|point| &point.leaf))
        })
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
            let node = super::super::roots::rational(&dashu_ratio::RBig::from(*end));
            let point = Point::of_node(node, &mut Budget::default()).unwrap();
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
