//! Binomials in all their notations, sums and products with bounds, congruences.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::tree::{Node, Relation};

impl<'a> Parser<'a> {
    /// `{}_{10}C_3` and `^{10}C_3`, from the mark on; None if it is something else.
    pub(super) fn prescript(&mut self) -> Result<Option<Node>, Stop> {
        let start = self.at;
        if self.peek() == Some(&Token::Mark('{')) && self.peek_after(1) == Some(&Token::Mark('}')) {
            self.at += 2;
        }
        if !matches!(self.peek(), Some(Token::Mark('_' | '^'))) {
            self.at = start;
            return Ok(None);
        }
        self.at += 1;
        let top = self.deeper(Self::argument)?;
        let braces = self.take(&Token::Mark('{'));
        let name = match self.next()? {
            Token::Word("C") | Token::Text("C") => "binomial",
            Token::Word("P" | "A") | Token::Text("P" | "A") => "permutation",
            _ => return Err(Stop::Beyond),
        };
        if braces {
            self.expect('}')?;
        }
        if !matches!(self.peek(), Some(Token::Mark('_' | '^'))) {
            return Err(Stop::Beyond);
        }
        self.at += 1;
        let bottom = self.deeper(Self::argument)?;
        Ok(Some(Node::Call(name.into(), vec![top, bottom])))
    }

    /// `C_{10}^3`, `C^3_{10}`, `A_5^2`, `P_5^2` after the letter; None for a symbol with a subscript and a power.
    pub(super) fn scripts(&mut self, letter: char) -> Option<Node> {
        let name = match letter {
            'C' => "binomial",
            'A' | 'P' => "permutation",
            _ => return None,
        };
        let is_script = |token: Option<&Token<'a>>| matches!(token, Some(Token::Mark('_' | '^')));
        // Read only where there are two: what is read in vain is read again, and doubles with every level of nesting.
        if !is_script(self.peek()) || !is_script(self.peek_after(1 + self.tokens_of_argument(1))) {
            return None;
        }
        let start = self.at;
        let mut scripts: [Option<Node>; 2] = [None, None];
        for _ in 0..2 {
            let at = usize::from(self.peek() == Some(&Token::Mark('^')));
            self.at += 1;
            scripts[at] = self.deeper(Self::argument).ok();
        }
        if let [Some(lower), Some(upper)] = scripts
            && counts(&lower, &upper)
        {
            return Some(Node::Call(name.into(), vec![lower, upper]));
        }
        self.at = start;
        None
    }

    /// Tokens of the bracketed group that starts so far ahead, or 1.
    fn tokens_of_argument(&self, distance: usize) -> usize {
        let mut open = 0_usize;
        for length in 0.. {
            match self.peek_after(distance + length) {
                Some(Token::Mark('{' | '(')) => open += 1,
                Some(Token::Mark('}' | ')')) => open = open.saturating_sub(1),
                None => return 1,
                _ => {}
            }
            if open == 0 {
                return length + 1;
            }
        }
        1
    }

    /// `\sum_{k=1}^{n} body`; the body goes to the next plus or minus.
    pub(super) fn big_operator(&mut self, name: &str) -> Result<Node, Stop> {
        let (mut from, mut to) = (None, None);
        for _ in 0..2 {
            match self.peek() {
                Some(Token::Mark('_')) => {
                    self.at += 1;
                    from = Some(self.deeper(Self::argument)?);
                }
                Some(Token::Mark('^')) => {
                    self.at += 1;
                    to = Some(self.deeper(Self::argument)?);
                }
                _ => break,
            }
        }
        let (Some(Node::Chain(mut sides, relations)), Some(to)) = (from, to) else {
            return Err(Stop::Beyond);
        };
        if relations != [Relation::Equal] {
            return Err(Stop::Beyond);
        }
        let (low, index) = (sides.pop().ok_or(Stop::Beyond)?, sides.pop().ok_or(Stop::Beyond)?);
        // i counts here, and is no imaginary unit.
        let index = match index {
            Node::Symbol(name) => name,
            Node::Constant(crate::answer::tree::Constant::I) => "i".into(),
            _ => return Err(Stop::Beyond),
        };
        let body = self.deeper(Self::product)?;
        let body = if index == "i" { body.with_symbol_i() } else { body };
        Ok(Node::Call(name.into(), vec![Node::Symbol(index), low, to, body]))
    }

    /// `\equiv 2 \pmod 5` or a bare `\pmod 5` after a value.
    pub(super) fn congruence(&mut self, left: &Node) -> Result<Option<Node>, Stop> {
        let start = self.at;
        let right = if self.take(&Token::Command("equiv")) { Some(self.sum()?) } else { None };
        if let Some(modulus) = self.modulus()? {
            let (left, right) = match right {
                Some(right) => (left.clone(), right),
                None => (Node::Text(String::new()), left.clone()),
            };
            return Ok(Some(Node::Call("congruence".into(), vec![left, right, modulus])));
        }
        // `x \equiv 2 \bmod 5` has read its modulus as an operation.
        if let Some(Node::Call(name, mut parts)) = right
            && name == "mod"
            && let (Some(modulus), Some(right)) = (parts.pop(), parts.pop())
        {
            return Ok(Some(Node::Call("congruence".into(), vec![left.clone(), right, modulus])));
        }
        self.at = start;
        Ok(None)
    }

    /// `\pmod 5`, `\pmod{5}`, `(mod 5)`, `(\bmod 5)`.
    fn modulus(&mut self) -> Result<Option<Node>, Stop> {
        if self.take(&Token::Command("pmod")) {
            return self.deeper(Self::argument).map(Some);
        }
        let word = |token: Option<&Token<'a>>| {
            matches!(token, Some(Token::Word("mod") | Token::Text("mod") | Token::Command("mod" | "bmod")))
        };
        let commas = usize::from(self.peek() == Some(&Token::Mark(',')));
        let brackets = self.peek_after(commas) == Some(&Token::Mark('('));
        if !word(self.peek_after(commas + usize::from(brackets))) {
            return Ok(None);
        }
        self.at += commas + 1 + usize::from(brackets);
        let modulus = self.deeper(Self::sum)?;
        if brackets {
            self.expect(')')?;
        }
        Ok(Some(modulus))
    }
}

/// Whether a lower and an upper index count things: whole numbers with the larger one below, or letters used so.
fn counts(lower: &Node, upper: &Node) -> bool {
    let number = |node: &Node| match node {
        Node::Number(literal) if literal.is_plain_integer() => literal.digits.parse::<u64>().ok(),
        _ => None,
    };
    match (number(lower), number(upper)) {
        (Some(lower), Some(upper)) => lower >= upper,
        (None, _) => mentions_count(lower),
        (Some(_), None) => mentions_count(upper),
    }
}

fn mentions_count(node: &Node) -> bool {
    match node {
        Node::Symbol(name) => matches!(name.as_str(), "n" | "m" | "k" | "N" | "M"),
        Node::Sum(items) | Node::Product(items) => items.iter().any(mentions_count),
        Node::Negative(inner) => mentions_count(inner),
        _ => false,
    }
}
