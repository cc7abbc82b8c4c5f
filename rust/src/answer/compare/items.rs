//! Answers with parts: sequences, lists, sets, names, relations, words.

use super::{Policy, Reason, Verdict, VerdictKind, families, forms, groups, leaves, names, pieces, words};
use crate::answer::limits::{Budget, MAX_SORTED_ITEMS, MAX_UNORDERED_ITEMS};
use crate::answer::tree::{Node, Relation};
use crate::answer::value::{Leaf, Ratio, Value, region_of};

/// Whether an answer has several items.
pub fn is_many(value: &Value) -> bool {
    match value {
        Value::List(items) | Value::Sequence(_, _, items) => items.len() > 1,
        Value::Named(_, value) => is_many(value),
        _ => false,
    }
}

/// Compares two answers of any form.
pub fn compare(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    match (left, right) {
        (Value::Matrix(rows), other) | (other, Value::Matrix(rows)) => {
            forms::matrices(rows, other, policy, budget)
        }
        (Value::Based(number), other) | (other, Value::Based(number)) => {
            forms::based(number, other, policy, budget)
        }
        (Value::Family(parameter, members), other) | (other, Value::Family(parameter, members)) => {
            families::families((parameter, members), other, policy, budget)
        }
        (Value::Congruence(one, two, three), Value::Congruence(four, five, six)) => {
            families::congruences((one, two, three), (four, five, six), policy, budget)
        }
        (Value::Clock(minutes, said), other) | (other, Value::Clock(minutes, said)) => {
            families::clocks((*minutes, *said), other, policy)
        }
        (Value::Point(name, coordinates, count), other) | (other, Value::Point(name, coordinates, count)) => {
            families::points((name, coordinates, count.as_deref()), other, policy, budget)
        }
        (Value::Pieces(left), Value::Pieces(right)) => pieces::compare(left, right, policy, budget),
        (Value::Region(..), _) | (_, Value::Region(..)) => regions(left, right, policy, budget),
        (Value::Leaf(left), Value::Leaf(right)) => leaves::compare(left, right, policy, budget),
        (Value::Named(..), Value::Named(..)) => names::compare(left, right, policy, budget),
        (Value::Named(..), Value::Leaf(_)) | (Value::Leaf(_), Value::Named(..)) if !policy.name_bare => {
            Verdict::undecided(Reason::NameDiffers)
        }
        (Value::Named(_, value), Value::Chain(..)) | (Value::Chain(..), Value::Named(_, value))
            if matches!(**value, Value::Chain(..)) =>
        {
            forms::equations(left, right).unwrap_or(Verdict::undecided(Reason::NotNative))
        }
        (Value::Named(_, value), other) | (other, Value::Named(_, value)) => {
            let equations =
                if matches!(other, Value::Chain(..)) { forms::equations(left, right) } else { None };
            equations.unwrap_or_else(|| compare(value, other, policy, budget))
        }
        (Value::Sequence(..), Value::Sequence(..) | Value::List(_))
        | (Value::List(_), Value::Sequence(..)) => sequences(left, right, policy, budget),
        (Value::List(left), Value::List(right)) if policy.list_ordered => {
            in_order(left, right, policy, budget)
        }
        (Value::List(left), Value::List(right)) => in_any_order(left, right, policy, budget),
        _ => otherwise(left, right, policy, budget),
    }
}

/// What is no relation between two forms with parts of the same kind.
fn otherwise(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    match (left, right) {
        // A set of one thing against the thing, none against a number.
        (Value::Sequence('{', _, items), Value::Leaf(leaf))
        | (Value::Leaf(leaf), Value::Sequence('{', _, items))
            if items.len() < 2 =>
        {
            match items.first() {
                Some(item) => compare(item, &Value::Leaf(leaf.clone()), policy, budget),
                None if leaf.rational().is_some() => Verdict::different(Reason::LengthDiffers),
                None => Verdict::undecided(Reason::KindDiffers),
            }
        }
        (Value::Leaf(leaf), vector @ Value::Sequence('(' | '<', _, items))
        | (vector @ Value::Sequence('(' | '<', _, items), Value::Leaf(leaf))
            if items.len() > 1 && !leaf.node.is_constant() =>
        {
            forms::by_components(leaf, vector, items.len(), policy, budget)
        }
        (Value::Leaf(leaf), many) | (many, Value::Leaf(leaf)) if is_many(many) => {
            let mut apart = || match many {
                Value::List(items) | Value::Sequence('{', _, items) => items.iter().any(|item| {
                    compare(item, &Value::Leaf(leaf.clone()), policy, budget).kind == VerdictKind::Different
                }),
                _ => false,
            };
            if leaf.node.is_constant() || !is_vector(leaf) && apart() {
                Verdict::different(Reason::LengthDiffers)
            } else {
                Verdict::undecided(Reason::KindDiffers)
            }
        }
        (Value::Infinity { .. }, Value::Infinity { .. } | Value::Leaf(_))
        | (Value::Leaf(_), Value::Infinity { .. }) => infinities(left, right),
        (Value::Chain(left_sides, left_relations), Value::Chain(right_sides, right_relations)) => {
            let same = chains(left_sides, left_relations, right_sides, right_relations, policy, budget);
            if same.is_equal() { same } else { forms::equations(left, right).unwrap_or(same) }
        }
        (Value::Chain(sides, relations), Value::Leaf(leaf))
        | (Value::Leaf(leaf), Value::Chain(sides, relations))
            if leaf.node.is_constant() && is_false(sides, relations, policy, budget) =>
        {
            Verdict::different(Reason::EquationDiffers)
        }
        (Value::Text(left), Value::Text(right)) => words::compare(left, right, policy),
        (Value::Text(words), other) | (other, Value::Text(words)) if words::counts_without_end(words) => {
            match other {
                Value::Leaf(leaf) if leaf.rational().is_some() => Verdict::different(Reason::ValueDiffers),
                Value::Sequence('{', _, items) if items.is_empty() => {
                    Verdict::different(Reason::LengthDiffers)
                }
                _ => Verdict::undecided(Reason::KindDiffers),
            }
        }
        (Value::Text(words), Value::Leaf(leaf)) | (Value::Leaf(leaf), Value::Text(words))
            if leaf.rational().is_some() && !words::may_be_a_number(words) =>
        {
            Verdict::different(Reason::ValueDiffers)
        }
        (Value::Other(left), Value::Other(right)) if left == right => Verdict::equal(Reason::SameText),
        (Value::Other(left), Value::Other(right)) if groups::compare(left, right).is_some() => {
            groups::compare(left, right).unwrap_or(Verdict::undecided(Reason::NotNative))
        }
        (Value::Other(left), Value::Other(right)) if is_number_set(left) && is_number_set(right) => {
            Verdict::different(Reason::RegionDiffers)
        }
        (Value::Other(_), _) | (_, Value::Other(_)) => Verdict::undecided(Reason::NotNative),
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

/// Items in brackets against items in brackets or without.
fn sequences(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    match (left, right) {
        (Value::Sequence(left_open, left_close, left), Value::Sequence(right_open, right_close, right)) => {
            let vector = |bracket: char| match bracket {
                '<' => '(',
                '>' => ')',
                bracket => bracket,
            };
            let same =
                (vector(*left_open), vector(*left_close)) == (vector(*right_open), vector(*right_close));
            if !same && policy.brackets_matter {
                return Verdict::different(Reason::BracketsDiffer);
            }
            if *left_open == '{' {
                as_sets(left, right, policy, budget)
            } else {
                in_order(left, right, policy, budget)
            }
        }
        (Value::Sequence(open, _, items), Value::List(list))
        | (Value::List(list), Value::Sequence(open, _, items)) => match open {
            '(' | '<' if policy.tuple_bare => in_order(items, list, policy, budget),
            '{' => set_and_list(items, list, policy, budget),
            _ => Verdict::undecided(Reason::KindDiffers),
        },
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

/// One of the sets that have a letter of their own, other than the reals.
fn is_number_set(node: &Node) -> bool {
    matches!(node, Node::Call(name, items) if items.is_empty()
        && matches!(name.as_str(), "integers" | "naturals" | "rationals" | "complexes"))
}

/// Whether it may be a vector by its components, `3i-2j`.
fn is_vector(leaf: &Leaf) -> bool {
    let mut names = Vec::new();
    leaf.node.symbols(&mut names);
    names.iter().any(|name| matches!(*name, "j" | "k"))
}

/// `2 = 5`: an equation between numbers of which two differ.
fn is_false(sides: &[Leaf], relations: &[Relation], policy: Policy, budget: &mut Budget) -> bool {
    sides.iter().all(|side| side.node.is_constant())
        && sides.windows(2).zip(relations).any(|(pair, relation)| {
            *relation == Relation::Equal
                && leaves::compare(&pair[0], &pair[1], policy, budget).kind == VerdictKind::Different
        })
}

fn infinities(left: &Value, right: &Value) -> Verdict {
    match (left, right) {
        (Value::Infinity { negative: left }, Value::Infinity { negative: right }) if left == right => {
            Verdict::equal(Reason::SameValue)
        }
        (Value::Infinity { .. }, Value::Infinity { .. }) => Verdict::different(Reason::ValueDiffers),
        (_, Value::Leaf(leaf)) | (Value::Leaf(leaf), _)
            if leaf.value.as_ref().is_ok_and(|value| value.rational().is_some()) =>
        {
            Verdict::different(Reason::ValueDiffers)
        }
        _ => Verdict::undecided(Reason::KindDiffers),
    }
}

pub fn in_order(left: &[Value], right: &[Value], policy: Policy, budget: &mut Budget) -> Verdict {
    if left.len() != right.len() {
        return Verdict::different(Reason::LengthDiffers);
    }
    let mut undecided = None;
    for (left, right) in left.iter().zip(right) {
        let verdict = compare(left, right, policy, budget);
        match verdict.kind {
            VerdictKind::Equal => {}
            VerdictKind::Different => return Verdict::different(Reason::ItemDiffers),
            VerdictKind::Undecided => undecided = undecided.or(Some(verdict)),
        }
    }
    undecided.unwrap_or(Verdict::equal(Reason::SameItems))
}

/// Multisets. Where only one side names its items (`x=1, y=2` and `1, 2`), the order tells which is which.
fn in_any_order(left: &[Value], right: &[Value], policy: Policy, budget: &mut Budget) -> Verdict {
    if left.len() != right.len() {
        return Verdict::different(Reason::LengthDiffers);
    }
    let ordered = in_order(left, right, policy, budget);
    if ordered.is_equal() {
        return ordered;
    }
    if let Some(verdict) = by_name(left, right, policy, budget) {
        return verdict;
    }
    let named = |items: &[Value]| items.iter().any(|item| matches!(item, Value::Named(..)));
    if named(left) != named(right) {
        return Verdict::undecided(Reason::NameDiffers);
    }
    if left.len() <= MAX_SORTED_ITEMS
        && let (Some(left), Some(right)) = (sorted_names(left), sorted_names(right))
        && left == right
    {
        return Verdict::equal(Reason::SameItems);
    }
    let Some(table) = Table::new(left, right, policy, budget) else {
        return Verdict::undecided(Reason::Limit);
    };
    table.matched()
}

/// `x=1, y=2` and `y=2, x=1`: where both sides give each of the same names once, like meets like.
fn by_name(left: &[Value], right: &[Value], policy: Policy, budget: &mut Budget) -> Option<Verdict> {
    let sorted = |items: &[Value]| {
        let pair = |item: &Value| match item {
            Value::Named(name, value) => Some((name.clone(), (**value).clone())),
            _ => None,
        };
        let mut pairs = items.iter().map(pair).collect::<Option<Vec<_>>>()?;
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        let (names, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        names.windows(2).all(|pair| pair[0] != pair[1]).then_some((names, values))
    };
    let ((left_names, left), (right_names, right)) = (sorted(left)?, sorted(right)?);
    (left_names == right_names).then(|| in_order(&left, &right, policy, budget))
}

/// A list counts its repetitions, a set does not: `1, 1, 2` is not `\{1, 2\}`.
fn set_and_list(set: &[Value], list: &[Value], policy: Policy, budget: &mut Budget) -> Verdict {
    let same = as_sets(set, list, policy, budget);
    if !same.is_equal() {
        return same;
    }
    match Table::new(list, list, policy, budget) {
        Some(table) if table.has_twins() => Verdict::different(Reason::LengthDiffers),
        Some(_) => same,
        None => Verdict::undecided(Reason::Limit),
    }
}

fn as_sets(left: &[Value], right: &[Value], policy: Policy, budget: &mut Budget) -> Verdict {
    if left.is_empty() != right.is_empty() {
        return Verdict::different(Reason::LengthDiffers);
    }
    match Table::new(left, right, policy, budget) {
        Some(table) if !policy.set_repeats && left.len() != right.len() => match table.covered() {
            covered if covered.is_equal() => Verdict::different(Reason::LengthDiffers),
            other => other,
        },
        Some(table) => table.covered(),
        None => in_order(left, right, policy, budget).filter_equal(Reason::Limit),
    }
}

impl Verdict {
    /// "Different" in order proves nothing about sets.
    fn filter_equal(self, otherwise: Reason) -> Self {
        if self.is_equal() { self } else { Self::undecided(otherwise) }
    }
}

/// Names of exact values without unit or percent sign, sorted; equal names are equal values.
fn sorted_names(items: &[Value]) -> Option<Vec<String>> {
    let name = |item: &Value| match item {
        Value::Leaf(leaf) if leaf.unit.is_none() && !leaf.percent => {
            leaf.value.as_ref().ok().and_then(|value| Ratio::name(value).ok())
        }
        _ => None,
    };
    let mut names = items.iter().map(name).collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    Some(names)
}

/// Verdicts of all pairs.
struct Table {
    rows: Vec<Vec<VerdictKind>>,
    columns: usize,
}

impl Table {
    fn new(left: &[Value], right: &[Value], policy: Policy, budget: &mut Budget) -> Option<Self> {
        if left.len() * right.len() > MAX_UNORDERED_ITEMS * MAX_UNORDERED_ITEMS / 4 {
            return None;
        }
        let mut row =
            |item: &Value| right.iter().map(|other| compare(item, other, policy, budget).kind).collect();
        Some(Self { rows: left.iter().map(&mut row).collect(), columns: right.len() })
    }

    /// As multisets: a one-to-one pairing, taken greedily because equality is transitive.
    fn matched(&self) -> Verdict {
        let mut used = vec![false; self.columns];
        let complete = self.rows.iter().all(|row| {
            let free = (0..self.columns).find(|column| !used[*column] && row[*column] == VerdictKind::Equal);
            free.is_some_and(|column| !std::mem::replace(&mut used[column], true))
        });
        if complete { Verdict::equal(Reason::SameItems) } else { self.failed() }
    }

    /// Whether two different places hold equal items, in a table of a list against itself.
    fn has_twins(&self) -> bool {
        self.rows.iter().enumerate().any(|(at, row)| row[at + 1..].contains(&VerdictKind::Equal))
    }

    /// As sets: every item has its equal on the other side.
    fn covered(&self) -> Verdict {
        let rows = self.rows.iter().all(|row| row.contains(&VerdictKind::Equal));
        let columns =
            (0..self.columns).all(|column| self.rows.iter().any(|row| row[column] == VerdictKind::Equal));
        if rows && columns { Verdict::equal(Reason::SameItems) } else { self.failed() }
    }

    /// "Different" if some item differs from all others, or if nothing was undecided.
    fn failed(&self) -> Verdict {
        let lonely_row = self.rows.iter().any(|row| row.iter().all(|kind| *kind == VerdictKind::Different));
        let lonely_column =
            (0..self.columns).any(|column| self.rows.iter().all(|row| row[column] == VerdictKind::Different));
        let undecided = self.rows.iter().flatten().any(|kind| *kind == VerdictKind::Undecided);
        if lonely_row || lonely_column || !undecided {
            Verdict::different(Reason::ItemDiffers)
        } else {
            Verdict::undecided(Reason::NotNative)
        }
    }
}

/// A set of numbers against anything that may describe one.
fn regions(left: &Value, right: &Value, policy: Policy, budget: &mut Budget) -> Verdict {
    let interval = |value: &Value| matches!(value, Value::Sequence('(' | '[', ..));
    if (interval(left) || interval(right)) && !policy.interval_as_inequality {
        return Verdict::undecided(Reason::KindDiffers);
    }
    let numbers = |set: &Value, other: &Value| match (set, other) {
        (Value::Region(_, region), Value::Leaf(leaf)) => {
            region.is_infinite() && leaf.value.as_ref().is_ok_and(|value| value.rational().is_some())
        }
        _ => false,
    };
    if numbers(left, right) || numbers(right, left) {
        return Verdict::different(Reason::RegionDiffers);
    }
    let (Ok((left_name, left)), Ok((right_name, right))) =
        (region_of(left, budget), region_of(right, budget))
    else {
        return Verdict::undecided(Reason::KindDiffers);
    };
    match left.is_same(&right, budget) {
        Ok(true) if left_name.is_some() && right_name.is_some() && left_name != right_name => {
            Verdict::undecided(Reason::NameDiffers)
        }
        Ok(true) => Verdict::equal(Reason::SameRegion),
        Ok(false) => {
            let rounded = left.paired_ends(&right).is_some_and(|mut ends| {
                ends.all(|(left, right)| leaves::compare(left, right, policy, budget).is_equal())
            });
            if rounded {
                Verdict::equal(Reason::RoundedValue)
            } else {
                Verdict::different(Reason::RegionDiffers)
            }
        }
        Err(_) => Verdict::undecided(Reason::NotNative),
    }
}

/// The same chain, read either way. Chains that differ may still describe the same set.
fn chains(
    left: &[Leaf],
    left_relations: &[Relation],
    right: &[Leaf],
    right_relations: &[Relation],
    policy: Policy,
    budget: &mut Budget,
) -> Verdict {
    let mut same = |(left, right): (&Leaf, &Leaf)| leaves::compare(left, right, policy, budget).is_equal();
    if left.len() == right.len() {
        let forward = left_relations == right_relations && left.iter().zip(right).all(&mut same);
        let reversed: Option<Vec<_>> =
            right_relations.iter().rev().map(|relation| relation.reversed()).collect();
        let backward =
            reversed.as_deref() == Some(left_relations) && left.iter().zip(right.iter().rev()).all(&mut same);
        if forward || backward {
            return Verdict::equal(Reason::SameRelation);
        }
    }
    Verdict::undecided(Reason::NotNative)
}
