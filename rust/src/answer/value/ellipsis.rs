//! Lists that leave out their middle.

use crate::answer::tree::{Literal, Node};

/// Items that an ellipsis may stand for.
const MAX_FILLED: i64 = 200;

/// `{1, 2, \ldots, 10}` written out: whole numbers in equal steps around one ellipsis.
pub fn filled(items: Vec<Node>) -> Vec<Node> {
    let is_dots = |item: &Node| matches!(item, Node::Call(name, _) if name == "dots");
    let Some(at) = items.iter().position(is_dots) else { return items };
    let known: Option<Vec<i64>> = items.iter().filter(|item| !is_dots(item)).map(whole).collect();
    let Some((first, last, step)) = known.filter(|known| known.len() + 1 == items.len()).and_then(|known| {
        let step = if at > 1 { known[1] - known[0] } else { 1 };
        let (first, last) = (*known.first()?, *known.last()?);
        let steps = |run: &[i64]| run.windows(2).all(|pair| pair[1] - pair[0] == step);
        let fits = at > 0 && at < known.len() && step != 0 && steps(&known[..at]) && steps(&known[at..]);
        let count = (known[at] - known[at - 1]).checked_div(step)?;
        let reached = (known[at] - known[at - 1]) % step == 0 && (1..=MAX_FILLED).contains(&count);
        (fits && reached).then_some((first, last, step))
    }) else {
        return items;
    };
    (0..=(last - first) / step).map(|index| number(first + index * step)).collect()
}

/// A whole number as a literal.
pub fn number(value: i64) -> Node {
    let digits = Node::Number(Literal { digits: value.unsigned_abs().to_string(), ..Literal::default() });
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
