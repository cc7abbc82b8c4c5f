//! Brackets that only pad, and square brackets that group, as in `\left[\frac{n(n+1)}{2}\right]^2`.

use super::Parser;
use crate::answer::lex::{Lexeme, Token};
use crate::answer::limits::{Budget, Stop};
use crate::answer::tree::Node;
use crate::answer::value::{evaluate, substituted};
use std::collections::BTreeSet;

/// Values of a variable at which a quotient is looked at.
const MAX_DENOMINATOR: i64 = 6;

/// Links that a pair of square brackets counts for, as whether they group takes some arithmetic.
const LINKS: usize = 5;

/// `((x))` to `(x)` and `{{x}}` to `{x}`, any number of times, in one pass: depth is for structure, not for padding.
pub(super) fn without_doubled_brackets(lexemes: Vec<Lexeme<'_>>) -> Vec<Lexeme<'_>> {
    let may_be_padded = |pair: &[Lexeme<'_>]| {
        let [Token::Mark(left), Token::Mark(right)] = [&pair[0].token, &pair[1].token] else { return false };
        matches!((left, right), ('(', '(') | ('{', '{' | '-'))
    };
    if !lexemes.windows(2).any(may_be_padded) {
        return lexemes;
    }
    let mut partner = vec![usize::MAX; lexemes.len()];
    let mut open = Vec::new();
    for (at, lexeme) in lexemes.iter().enumerate() {
        match lexeme.token {
            Token::Mark('(' | '{' | '[') => open.push(at),
            Token::Mark(')' | '}' | ']') => {
                if let Some(start) = open.pop() {
                    partner[start] = at;
                }
            }
            _ => {}
        }
    }
    let mut keep = vec![true; lexemes.len()];
    for (start, window) in lexemes.windows(3).enumerate() {
        let is_script = start > 0 && matches!(lexemes[start - 1].token, Token::Mark('^' | '_'));
        let signs = window.iter().map(|lexeme| &lexeme.token);
        // `{-}` keeps spaces away from a sign.
        if !is_script && signs.eq([&Token::Mark('{'), &Token::Mark('-'), &Token::Mark('}')]) {
            keep[start] = false;
            keep[start + 2] = false;
        }
    }
    for start in 1..lexemes.len() {
        let (outer, inner) = (partner[start - 1], partner[start]);
        let doubled = inner != usize::MAX && outer == inner.wrapping_add(1);
        if doubled
            && matches!(lexemes[start].token, Token::Mark('(' | '{'))
            && lexemes[start].token == lexemes[start - 1].token
            && lexemes[inner].token == lexemes[outer].token
        {
            keep[start] = false;
            keep[inner] = false;
        }
    }
    lexemes.into_iter().zip(keep).filter_map(|(lexeme, keep)| keep.then_some(lexeme)).collect()
}

impl Parser<'_> {
    /// Counts square brackets around one item.
    pub(super) fn single_in_square_brackets(&mut self) -> Result<(), Stop> {
        self.links += LINKS - 1;
        self.link()
    }
}

/// What stands in square brackets as an operand, where they can only group. `[x]` is also the integer part of x, so that
/// brackets stay unless what they hold is a sum, or a quotient that is whole wherever its variables are.
pub fn grouping(node: Node) -> Node {
    match node {
        Node::Bracketed('[', ']', mut items) if items.len() == 1 && groups(&items[0]) => items.swap_remove(0),
        Node::Negative(inner) => Node::Negative(Box::new(grouping(*inner))),
        node => node,
    }
}

fn groups(inside: &Node) -> bool {
    match inside {
        // `[x + 1/2]` rounds.
        Node::Sum(terms) => {
            let fraction = |term: &Node| term.is_constant() && !is_whole(term);
            !terms.iter().any(fraction) && inside.is_constant() == is_whole(inside)
        }
        Node::Number(_) => is_whole(inside),
        Node::Quotient(..) => is_whole_everywhere(inside),
        // `[-(x+1)]`, `[2(x+1)]`
        Node::Negative(inner) => groups(inner),
        Node::Product(factors) => {
            factors.iter().any(|factor| matches!(factor, Node::Sum(_) | Node::Call(..)))
        }
        Node::Power(base, _) => matches!(**base, Node::Sum(_)),
        _ => false,
    }
}

fn is_whole(node: &Node) -> bool {
    let value = evaluate(node, &mut Budget::reading());
    value.is_ok_and(|value| value.rational().is_some_and(|value| value.is_int()))
}

/// Whether a polynomial in one variable over a small denominator is whole at every integer: it is, if it is at as many in a row
/// as the denominator.
fn is_whole_everywhere(node: &Node) -> bool {
    let Node::Quotient(_, bottom) = node else { return false };
    let Node::Number(denominator) = &**bottom else { return false };
    let Some(count) = denominator.digits.parse().ok().filter(|count| (1..=MAX_DENOMINATOR).contains(count))
    else {
        return false;
    };
    let mut names = Vec::new();
    node.symbols(&mut names);
    let names: BTreeSet<&str> = names.into_iter().collect();
    let mut names = names.into_iter();
    let (Some(name), None) = (names.next(), names.next()) else { return false };
    (0..count).all(|value: i64| is_whole(&substituted(node, name, &Node::number(value))))
}
