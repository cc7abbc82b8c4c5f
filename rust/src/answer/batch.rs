//! Many pairs or groups of answers at once: each distinct pair once, on several threads, with the same verdicts as one
//! by one.

use super::compare::{Policy, Prepared, Reason, Verdict};
use crate::blocks::in_blocks;
use hashbrown::HashMap;

/// The verdict on two answers of which either may be missing.
pub fn compare_optional(gold: Option<&str>, answer: Option<&str>, policy: Policy) -> Verdict {
    match (gold, answer) {
        (Some(gold), Some(answer)) => {
            Prepared::under(gold, policy).compare(&Prepared::under(answer, policy), policy)
        }
        (None, None) => Verdict::undecided(Reason::NoAnswer),
        _ => Verdict::different(Reason::NoAnswer),
    }
}

/// The verdict on each pair, in order; both slices are equally long. `threads` as in [`in_blocks`].
pub fn compare_pairs(
    golds: &[Option<&str>],
    answers: &[Option<&str>],
    policy: Policy,
    threads: usize,
) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::undecided(Reason::NoAnswer); golds.len().min(answers.len())];
    let mut rows_of = HashMap::new();
    let mut pairs = Vec::new();
    // Where the verdict of a row comes from, if it is not there yet.
    let mut waiting = Vec::new();
    for (row, (&gold, &answer)) in golds.iter().zip(answers).enumerate() {
        if let Some(verdict) = plain_integers(gold, answer) {
            verdicts[row] = verdict;
            continue;
        }
        let pair = *rows_of.entry((gold, answer)).or_insert_with(|| {
            pairs.push((gold, answer));
            pairs.len() - 1
        });
        waiting.push((row, pair));
    }
    // Expected answers come back with every sample of their problem: side by side, each is read once.
    let mut place_of = HashMap::new();
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_cached_key(|pair| {
        let next = place_of.len();
        *place_of.entry(pairs[*pair].0).or_insert(next)
    });
    let decided = in_blocks(pairs.len(), threads, |block| {
        let mut gold = Gold { policy, read: None };
        let in_order = order[block].iter().map(|pair| pairs[*pair]);
        in_order.map(|(expected, answer)| gold.compare(expected, answer)).collect::<Vec<_>>()
    });
    let mut verdict_of = vec![Verdict::undecided(Reason::NoAnswer); pairs.len()];
    for (pair, verdict) in order.iter().zip(decided.concat()) {
        verdict_of[*pair] = verdict;
    }
    for (row, pair) in waiting {
        verdicts[row] = verdict_of[pair];
    }
    verdicts
}

/// The expected answer that was read last.
struct Gold<'a> {
    policy: Policy,
    read: Option<(&'a str, Prepared<'a>)>,
}

impl<'a> Gold<'a> {
    fn compare(&mut self, gold: Option<&'a str>, answer: Option<&str>) -> Verdict {
        let (Some(gold), Some(answer)) = (gold, answer) else {
            return compare_optional(gold, answer, self.policy);
        };
        let policy = self.policy;
        self.read.take_if(|(text, _)| *text != gold);
        let (_, gold) = self.read.get_or_insert_with(|| (gold, Prepared::under(gold, policy)));
        gold.compare(&Prepared::under(answer, policy), policy)
    }
}

/// What most pairs are, decided without normalising: two integers as they are usually written.
fn plain_integers(gold: Option<&str>, answer: Option<&str>) -> Option<Verdict> {
    let (gold, answer) = (gold?, answer?);
    let plain = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        matches!(digits, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
    };
    let same = gold == answer;
    (plain(gold) && plain(answer)).then_some(if same {
        Verdict::equal(Reason::SameInteger)
    } else {
        Verdict::different(Reason::IntegerDiffers)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn missing_answers_are_different_from_all_but_each_other() {
        let policy = Policy::default();
        assert_eq!(compare_optional(Some("7"), None, policy), Verdict::different(Reason::NoAnswer));
        assert_eq!(compare_optional(None, Some("7"), policy), Verdict::different(Reason::NoAnswer));
        assert_eq!(compare_optional(None, None, policy), Verdict::undecided(Reason::NoAnswer));
    }

    proptest! {
        #[test]
        fn a_batch_is_the_same_as_one_by_one(
            rows in prop::collection::vec((0usize..9, 0usize..9), 0..2_000),
            threads in 1usize..5,
        ) {
            let pool = [
                Some("12"), Some("-12"), Some("0"), Some("00"), Some("-0"), Some(r"\frac{1}{2}"), Some("0.5"), Some(""), None,
            ];
            let golds: Vec<_> = rows.iter().map(|(gold, _)| pool[*gold]).collect();
            let answers: Vec<_> = rows.iter().map(|(_, answer)| pool[*answer]).collect();
            let policy = Policy::default();
            let one_by_one: Vec<_> =
                golds.iter().zip(&answers).map(|(gold, answer)| compare_optional(*gold, *answer, policy)).collect();
            prop_assert_eq!(compare_pairs(&golds, &answers, policy, threads), one_by_one);
        }
    }
}
