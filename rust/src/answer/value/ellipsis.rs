//! Lists that leave out their middle.

use crate::answer::tree::Node;

/// Items that an ellipsis may stand for.
const MAX_FILLED: i64 = 200;

/// `{1, 2, \ldots, 10}` written out: whole numbers in equal steps around one ellipsis.
pub fn filled(items: Vec<Node>) -> Vec<Node> {
    let is_dots = |item: &Node| matches!(item, Node::Call(name, _) if name == "dots");
    let Some(at) = items.iter().position(is_dots) else { return items };
    let known: Option<Vec<i64>> = items.iter().filter(|item| !is_dots(item)).map(whole).collect();
    match known.filter(|known| known.len() + 1 == items.len()).and_then(|known| progression(&known, at)) {
        Some(numbers) => numbers.map(number).collect(),
        None => items,
    }
}

/// The numbers from the first to the last of `known`, whose middle is left out before the one at `at`.
fn progression(known: &[i64], at: usize) -> Option<impl Iterator<Item = i64> + use<>> {
    let (before, after) = known.split_at_checked(at)?;
    let (&first, &left, &right, &last) = (before.first()?, before.last()?, after.first()?, after.last()?);
    let step = if let [first, second, ..] = before { second - first } else { 1 };
    let in_steps = |run: &[i64]| run.windows(2).all(|pair| pair[1] - pair[0] == step);
    let gap = right - left;
    let fits = (1..=MAX_FILLED).contains(&gap.checked_div(step)?) && gap % step == 0;
    let steps = (last - first) / step;
    (fits && in_steps(before) && in_steps(after)).then(|| (0..=steps).map(move |index| first + index * step))
}

/// A whole number as a literal.
pub fn number(value: i64) -> Node {
    let digits = Node::number(value.unsigned_abs());
    if value < 0 { Node::Negative(Box::new(digits)) } else { digits }
}

fn whole(node: &Node) -> Option<i64> {
    match node {
        Node::Number(literal) if literal.is_plain_integer() => {
            literal.digits.parse().ok().filter(|value: &i64| *value < 1 << 40)
        }
        Node::Negative(inner) => whole(inner).map(|value| -value),
        _ => None,
    }
}
