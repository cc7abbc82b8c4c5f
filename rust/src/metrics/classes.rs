//! Answers that say the same, grouped.

use crate::answer::Prepared;
use crate::answer::compare::Policy;
use crate::blocks::in_blocks;
use std::collections::HashMap;

/// The class of each answer, numbered by first appearance; None for no answer.
///
/// Two answers share a class if they are joined by a chain of pairs that compare equal without the rules that
/// are not transitive (rounding, bare percents and bases), so the partition does not depend on the order of the answers. Undecided pairs stay apart.
pub fn classes(answers: &[Option<&str>]) -> Vec<Option<usize>> {
    classes_under(answers, Policy::default())
}

/// [`classes`] by the conventions of a policy, less those that would chain unequal answers together.
pub fn classes_under(answers: &[Option<&str>], policy: Policy) -> Vec<Option<usize>> {
    let policy = Policy { percent_bare: false, rounded_from: usize::MAX, base_bare: false, ..policy };
    let mut distinct: Vec<Prepared<'_>> = Vec::new();
    let mut by_text: HashMap<String, usize> = HashMap::new();
    let mut places = Vec::with_capacity(answers.len());
    for answer in answers {
        let prepared = answer
            .map(|answer| Prepared::under(answer, policy))
            .filter(|prepared| !prepared.text().is_empty());
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
            if left_root != right_root && distinct[left].compare(&distinct[right], policy).is_equal() {
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

/// [`classes_under`] within each group; `groups` names the group of each answer. `threads` as in [`in_blocks`].
pub fn classes_of_groups(
    groups: &[Option<&str>],
    answers: &[Option<&str>],
    policy: Policy,
    threads: usize,
) -> Vec<Option<usize>> {
    let mut numbers = HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (row, group) in groups.iter().take(answers.len()).enumerate() {
        let number = *numbers.entry(group).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[number].push(row);
    }
    let blocks = in_blocks(members.len(), threads, |block| {
        let classes_of = |rows: &Vec<usize>| {
            classes_under(&rows.iter().map(|row| answers[*row]).collect::<Vec<_>>(), policy)
        };
        members[block].iter().map(classes_of).collect::<Vec<_>>()
    });
    let mut classes = vec![None; answers.len()];
    for (rows, found) in members.iter().zip(blocks.into_iter().flatten()) {
        for (row, class) in rows.iter().zip(found) {
            classes[*row] = class;
        }
    }
    classes
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
