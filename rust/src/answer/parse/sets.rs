//! Sets put together: unions, differences, the real numbers, relations joined by "or" and "and".

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::tree::{Node, Relation};

/// The set of real numbers.
pub fn reals() -> Node {
    Node::Call("reals".into(), Vec::new())
}

/// A bare variable, or one that may be any real number.
pub fn is_any_real(node: &Node) -> bool {
    match node {
        Node::Symbol(_) => true,
        Node::Chain(sides, relations) => {
            relations == &[Relation::In] && matches!(sides[0], Node::Symbol(_)) && sides[1] == reals()
        }
        _ => false,
    }
}

/// The integers modulo a number, as a group.
pub const CYCLIC: &str = "cyclic";

/// Whether it is a cyclic group, or a power or product of these and of number sets.
pub fn is_group(node: &Node) -> bool {
    let set = |node: &Node| match node {
        Node::Call(name, items) if items.is_empty() => {
            matches!(name.as_str(), "integers" | "rationals" | "complexes" | "reals")
        }
        node => is_group(node),
    };
    match node {
        Node::Call(name, _) => name == CYCLIC,
        Node::Power(base, _) => set(base),
        Node::Product(factors) => factors.iter().all(set),
        _ => false,
    }
}

/// What a separator says about the items beside it; a comma says nothing.
pub fn connective(token: &Token<'_>) -> Option<&'static str> {
    match token {
        Token::Command("lor") => Some("or"),
        Token::Command("land") => Some("and"),
        Token::Word(word) | Token::Text(word) => match word.trim_matches([',', ' ']) {
            "or" => Some("or"),
            "and" => Some("and"),
            _ => None,
        },
        _ => None,
    }
}

/// The one connective between relations of which at least one is no equation; a list is anything else.
pub fn joins_relations(connectives: &[Option<&'static str>], items: &[Node]) -> Option<&'static str> {
    let last = (*connectives.last()?)?;
    let agree = connectives.iter().all(|connective| connective.is_none_or(|connective| connective == last));
    let relations = items.iter().all(|item| matches!(item, Node::Chain(..)));
    let inequality = items.iter().any(|item| match item {
        Node::Chain(_, relations) => relations.iter().any(|relation| *relation != Relation::Equal),
        _ => false,
    });
    // Of two items every separator is spelled out; `x<1, x>3, and y=2` is a list all the same.
    let spelled = connectives.iter().all(Option::is_some) || last == "or";
    (agree && relations && inequality && spelled).then_some(last)
}

impl Parser<'_> {
    /// Sums joined by set operations, from left to right.
    pub(super) fn set(&mut self) -> Result<Node, Stop> {
        let mut node = self.sum()?;
        let mut before = None;
        loop {
            let operation = match self.peek() {
                Some(Token::Command("cup")) => "union",
                Some(Token::Word("U")) if self.union_letter() => "union",
                Some(Token::Command("cap")) => "intersection",
                Some(Token::Command("setminus" | "backslash" | "smallsetminus")) => "without",
                _ => return Ok(node),
            };
            // `A \cup B \cap C` has no agreed order.
            if before.is_some_and(|before| before != operation)
                || (before, operation) == (Some("without"), "without")
            {
                return Err(Stop::Beyond);
            }
            before = Some(operation);
            self.at += 1;
            let part = self.sum()?;
            node = match node {
                Node::Call(name, mut parts) if name == operation => {
                    parts.push(part);
                    Node::Call(name, parts)
                }
                node => Node::Call(operation.into(), vec![node, part]),
            };
        }
    }

    /// A `U` between the brackets of two intervals.
    pub(super) fn union_letter(&self) -> bool {
        let closed = self.at.checked_sub(1).map(|before| &self.lexemes[before].token);
        matches!(closed, Some(Token::Mark(')' | ']')))
            && matches!(self.peek_after(1), Some(Token::Mark('(' | '[')))
    }

    /// Takes `x \mid` or `x \in \mathbb{R} :` right after an opening brace.
    pub(super) fn set_builder(&mut self) -> bool {
        let start = self.at;
        let named = matches!(self.next(), Ok(Token::Word(name)) if name.len() == 1);
        let real = !self.take(&Token::Command("in"))
            || self.take(&Token::Command("R"))
            || (self.take(&Token::Command("mathbb")) && self.number_set().is_ok());
        let bar = self.take(&Token::Mark('|')) || self.take(&Token::Mark(':'));
        if !(named && real && bar) {
            self.at = start;
        }
        named && real && bar
    }

    /// What makes a number belong to a set, up to the closing brace: inequalities, nothing else.
    pub(super) fn condition(&mut self) -> Result<Node, Stop> {
        let node = self.list()?;
        let inequality = match &node {
            Node::Chain(_, relations) => !relations.contains(&Relation::Equal),
            Node::Call(name, _) => matches!(name.as_str(), "or" | "and"),
            _ => false,
        };
        if inequality && self.take(&Token::Command("}")) { Ok(node) } else { Err(Stop::Beyond) }
    }

    /// What follows `\mathbb`.
    pub(super) fn number_set(&mut self) -> Result<Node, Stop> {
        let braces = self.take(&Token::Mark('{'));
        let name = match self.next()? {
            Token::Word("R") => "reals",
            Token::Word("Z") => "integers",
            Token::Word("N") => "naturals",
            Token::Word("Q") => "rationals",
            Token::Word("C") => "complexes",
            _ => return Err(Stop::Beyond),
        };
        if braces && !self.take(&Token::Mark('}')) {
            return Err(Stop::Beyond);
        }
        if let (true, Some(order)) = (name == "integers", self.order_of_quotient()) {
            return Ok(Node::Call(CYCLIC.into(), vec![order]));
        }
        if name == "reals" { self.signed_reals() } else { Ok(Node::Call(name.into(), Vec::new())) }
    }

    /// `/2\mathbb{Z}`, `/2` or `_2` after the integers.
    fn order_of_quotient(&mut self) -> Option<Node> {
        let quotient = match self.peek()? {
            Token::Mark('/') => true,
            Token::Mark('_') => false,
            _ => return None,
        };
        let braces = usize::from(self.peek_after(1) == Some(&Token::Mark('{')));
        let order = match self.peek_after(1 + braces)? {
            Token::Number(literal) if literal.is_plain_integer() => Node::Number(literal.clone()),
            Token::Word(name) if name.len() == 1 => Node::Symbol((*name).into()),
            _ => return None,
        };
        if braces > 0 && self.peek_after(2 + braces) != Some(&Token::Mark('}')) {
            return None;
        }
        self.at += 2 + 2 * braces;
        let start = self.at;
        let integers = quotient
            && self.take(&Token::Command("mathbb"))
            && matches!(self.number_set(), Ok(Node::Call(name, _)) if name == "integers");
        if !integers {
            self.at = start;
        }
        Some(order)
    }

    /// `^+`, `_+`, `^-`, `_{>0}` after the real numbers.
    pub(super) fn signed_reals(&mut self) -> Result<Node, Stop> {
        let braces = usize::from(self.peek_after(1) == Some(&Token::Mark('{')));
        let signed = matches!(
            self.peek_after(1 + braces),
            Some(Token::Mark('+' | '-' | '>' | '<') | Token::Command("ge" | "le"))
        );
        // `\mathbb{R}^2`
        if !matches!(self.peek(), Some(Token::Mark('^' | '_'))) || !signed {
            return Ok(reals());
        }
        self.at += 1;
        let braces = self.take(&Token::Mark('{'));
        let (greater, mut equal) = match self.next()? {
            Token::Mark('+' | '>') => (true, false),
            Token::Mark('-' | '<') => (false, false),
            Token::Command("ge") => (true, true),
            Token::Command("le") => (false, true),
            _ => return Err(Stop::Beyond),
        };
        equal |= self.take(&Token::Mark('='));
        if let Some(Token::Number(literal)) = self.peek() {
            if literal.digits != "0" {
                return Err(Stop::Beyond);
            }
            self.at += 1;
        }
        if braces {
            self.expect('}')?;
        }
        let zero = Node::number("0");
        let infinity = Node::Constant(crate::answer::tree::Constant::Infinity);
        Ok(if greater {
            Node::Bracketed(if equal { '[' } else { '(' }, ')', vec![zero, infinity])
        } else {
            Node::Bracketed(
                '(',
                if equal { ']' } else { ')' },
                vec![Node::Negative(Box::new(infinity)), zero],
            )
        })
    }
}

/// `k \in \mathbb{Z}`
pub fn in_integers(node: Node) -> Node {
    let integers = Node::Call("integers".into(), Vec::new());
    Node::Chain(vec![node, integers], vec![Relation::In])
}
