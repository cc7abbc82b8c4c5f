//! Conventions that say what a bare form may stand for, applied to whole answers before and after their parts are
//! compared.

use super::{Policy, Reason, Verdict, items};
use crate::answer::limits::Budget;
use crate::answer::tree::Node;
use crate::answer::value::Value;
use std::borrow::Cow;

/// Compares two answers by the conventions of a policy.
pub fn compare(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    if let Some(verdict) = refused(left, right, policy) {
        budget.note("convention", || format!("not taken for the same form: {}", verdict.reason.as_str()));
        return verdict;
    }
    match (left, right) {
        (Value::List(left), Value::List(right)) if policy.list_ordered => {
            items::in_order(left, right, policy, budget)
        }
        (Value::Sequence(left_open, _, left), Value::Sequence(right_open, _, right))
            if !policy.brackets_matter && left_open != right_open =>
        {
            let unbracketed = |items: &[Value]| {
                if [*left_open, *right_open].contains(&'{') {
                    Value::List(items.to_vec())
                } else {
                    Value::Sequence('(', ')', items.to_vec())
                }
            };
            items::compare(&unbracketed(left), &unbracketed(right), policy, budget)
        }
        _ => {
            let verdict = items::compare(left, right, policy, budget);
            if verdict.reason == Reason::SameRegion && !same_notation(left, right, policy) {
                return Verdict::undecided(Reason::KindDiffers);
            }
            verdict
        }
    }
}

/// The verdict on two forms of which one may not stand for the other.
fn refused(left: &Value, right: &Value, policy: Policy) -> Option<Verdict> {
    let one_is = |form: fn(&Value) -> bool| form(left) != form(right);
    if !policy.name_bare
        && one_is(|value| matches!(value, Value::Named(..)))
        && !matches!((left, right), (Value::Chain(..), _) | (_, Value::Chain(..)))
    {
        return Some(Verdict::undecided(Reason::NameDiffers));
    }
    let tuple_and_list =
        |one: &Value, other: &Value| matches!((one, other), (Value::Sequence('(' | '<', ..), Value::List(_)));
    if !policy.tuple_bare && (tuple_and_list(left, right) || tuple_and_list(right, left)) {
        return Some(Verdict::different(Reason::BracketsDiffer));
    }
    (!policy.ratio_as_fraction && one_is(is_ratio)).then_some(Verdict::undecided(Reason::KindDiffers))
}

fn is_ratio(value: &Value) -> bool {
    matches!(value, Value::Leaf(leaf) if matches!(&leaf.node, Node::Call(name, _) if name == "ratio"))
}

/// Whether equal sets of reals are also given in notations that the policy takes for each other.
fn same_notation(left: &Value, right: &Value, policy: Policy) -> bool {
    let is_interval = |value: &Value| matches!(value, Value::Sequence(..));
    policy.interval_as_inequality || is_interval(left) == is_interval(right)
}

/// Whether an answer says in words that there is none: the empty set, not written as one.
pub fn is_none_in_words(text: &str, value: &Value) -> bool {
    let empty = matches!(value, Value::Sequence('{', _, items) if items.is_empty());
    empty && (text.starts_with("\\text") || text.starts_with(char::is_alphabetic))
}

/// `0,5` as `0.5`: a comma between digits with no other mark in the number.
pub fn decimal_points(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut points = Vec::new();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.');
    let mut at = 0;
    for number in text.split(|c| !is_part(c)) {
        let inside = number.len() > 2 && !number.starts_with(',') && !number.ends_with(',');
        if inside && number.matches([',', '.']).count() == 1 {
            points.extend(number.find(',').map(|comma| at + comma));
        }
        // What splits is one character, of as many bytes as it has.
        at += number.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    if points.is_empty() {
        return text;
    }
    let mut with_points = text.into_owned();
    for point in points {
        with_points.replace_range(point..=point, ".");
    }
    Cow::Owned(with_points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_commas_between_digits_become_points() {
        for (text, read) in [
            ("0,5", "0.5"),
            ("(1,5; 2,25)", "(1.5; 2.25)"),
            ("é1,2", "é1.2"),
            ("1, 2", "1, 2"),
            ("1,2,3", "1,2,3"),
            ("1,234.5", "1,234.5"),
            (",5", ",5"),
            ("x,y", "x,y"),
            ("", ""),
        ] {
            assert_eq!(decimal_points(Cow::Borrowed(text)), read, "{text}");
        }
    }
}
