//! Answers that say the same, grouped.

use crate::answer::Prepared;
use crate::answer::compare::Policy;
use std::collections::HashMap;

/// The class of each answer, numbered by first appearance; None for no answer.
///
/// Two answers share a class if they are joined by a chain of pairs that compare equal under [`Policy::STRICT`], so the
/// partition does not depend on the order of the answers. Undecided pairs stay apart.
pub fn classes(answers: &[Option<&str>]) -> Vec<Option<usize>> {
    let mut distinct: Vec<Prepared<'_>> = Vec::new();
    let mut by_text: HashMap<String, usize> = HashMap::new();
    let mut places = Vec::with_capacity(answers.len());
    for answer in answers {
        let prepared = answer.map(Prepared::new).filter(|prepared| !prepared.text().is_empty());
        places.push(prepared.map(|prepared| {
            let next = distinct.len();
            let place = *by_text.entry(prepared.text().to_owned()).or_insert(next);
            if place == next {
                distinct.push(prepared);
            }
            place
        }));
    }
    let mut parent: Vec<usize> = (0..distinct.len()).collect();
    for right in 1..distinct.len() {
        for left in 0..right {
            let (left_root, right_root) = (root(&parent, left), root(&parent, right));
            if left_root != right_root && distinct[left].compare(&distinct[right], Policy::STRICT).is_equal()
            {
                parent[left_root.max(right_root)] = left_root.min(right_root);
            }
        }
    }
    let mut numbers = HashMap::new();
    places
        .into_iter()
        .map(|place| {
            place.map(|place| {
                let next = numbers.len();
                *numbers.entry(root(&parent, place)).or_insert(next)
            })
        })
        .collect()
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while parent[at] != at {
        at = parent[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_answers_share_a_class() {
        let answers = [Some("1/2"), None, Some("0.5"), Some("3"), Some(r"\frac{1}{2}"), Some("03"), Some("")];
        assert_eq!(classes(&answers), [Some(0), None, Some(0), Some(1), Some(0), Some(1), None]);
    }

    proptest! {
        #[test]
        fn the_partition_does_not_depend_on_the_order(picks in prop::collection::vec(0usize..8, 0..12)) {
            let pool = ["1/2", "0.5", "50%", "5 cm", "5", "5 m", "x", "B"];
            let forward: Vec<_> = picks.iter().map(|at| Some(pool[*at])).collect();
            let backward: Vec<_> = forward.iter().rev().copied().collect();
            let (one, mut two) = (classes(&forward), classes(&backward));
            two.reverse();
            for i in 0..picks.len() {
                for j in 0..picks.len() {
                    prop_assert_eq!(one[i] == one[j], two[i] == two[j]);
                }
            }
        }
    }
}
