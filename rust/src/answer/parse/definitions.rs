//! Names that are more than a letter: functions where they are defined, derivatives, indices.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::names::is_greek;
use crate::answer::tree::Node;
use compact_str::{CompactString, format_compact};

impl Parser<'_> {
    /// Whether `(t) =` or `(x, y) =` follows: whatever stands before it is a function.
    pub(super) fn defines(&self) -> bool {
        let mut at = 1;
        if self.peek() != Some(&Token::Mark('(')) {
            return false;
        }
        loop {
            match self.peek_after(at) {
                Some(Token::Word(name)) if name.len() == 1 => {}
                Some(Token::Command(name)) if is_greek(name) => {}
                _ => return false,
            }
            match (self.peek_after(at + 1), self.peek_after(at + 2)) {
                (Some(Token::Mark(',')), _) => at += 2,
                (Some(Token::Mark(')')), Some(Token::Mark('='))) => return true,
                _ => return false,
            }
        }
    }

    /// `'`, `''`, `^{'}` after a name.
    pub(super) fn primes(&mut self) -> usize {
        let prime = Token::Mark('\'');
        let mut primes = 0;
        loop {
            if self.take(&prime) {
                primes += 1;
                continue;
            }
            let raised = self.peek() == Some(&Token::Mark('^'));
            let braces = usize::from(self.peek_after(1) == Some(&Token::Mark('{')));
            if !raised || self.peek_after(1 + braces) != Some(&prime) {
                return primes;
            }
            self.at += 1 + braces;
            while self.take(&prime) {
                primes += 1;
            }
            self.take(&Token::Mark('}'));
        }
    }

    /// `\text{The area is}` before a value names it.
    pub(super) fn words_before_value(&mut self) -> Option<Node> {
        let Some(Token::Text(words)) = self.peek().filter(|_| self.at == 0) else { return None };
        let name = [" is", " are", " equals", " ="].iter().find_map(|verb| words.strip_suffix(verb))?;
        self.peek_after(1)?;
        let name = name.trim().to_lowercase();
        self.at += 1;
        Some(Node::Symbol(name.strip_prefix("the ").unwrap_or(&name).into()))
    }

    /// `f^{-1}(x)`, which is no power of f.
    pub(super) fn inverse_of(&mut self, function: char) -> Result<Node, Stop> {
        self.at += 1;
        let power = self.argument()?;
        if power != Node::Negative(Box::new(Node::number("1"))) || !self.take(&Token::Mark('(')) {
            return Err(Stop::Beyond);
        }
        let arguments = match self.brackets('(')? {
            Node::Bracketed('(', ')', items) => items,
            argument => vec![argument],
        };
        Ok(Node::Call(format_compact!("{function}^-1"), arguments))
    }

    /// `\text{Var}(X)` from the bracket on.
    pub(super) fn function_in_words(&mut self, name: &str) -> Result<Node, Stop> {
        let Node::Call(_, arguments) = self.applied(name)? else { return Err(Stop::Beyond) };
        let mut names = Vec::new();
        for argument in &arguments {
            argument.symbols(&mut names);
        }
        Ok(Node::Symbol(format_compact!("{name}[{}]", names.join(", "))))
    }

    /// Whether a division is next: `/`, `\div`, `3 \text{ out of } 4`, `1 \text{ in } 6`.
    pub(super) fn divides(&self) -> bool {
        match self.peek() {
            Some(Token::Mark('/') | Token::Command("div") | Token::Text("out of")) => true,
            Some(Token::Text("in") | Token::Word("in")) => {
                matches!(self.peek_after(1), Some(Token::Number(_)))
            }
            _ => false,
        }
    }

    /// `f'(x)`, or the symbol `y'`.
    pub(super) fn primed(&mut self, letter: char, primes: usize) -> Result<Node, Stop> {
        let name = format_compact!("{letter}{}", "'".repeat(primes));
        let applied =
            self.peek() == Some(&Token::Mark('(')) && (self.defines() || matches!(letter, 'f' | 'g' | 'h'));
        if applied { self.applied(&name) } else { Ok(Node::Symbol(name)) }
    }

    /// What stands in the braces of an index, as written: `n+1`, `i,j`.
    pub(super) fn index(&mut self, name: &mut CompactString) -> Result<(), Stop> {
        loop {
            match self.next()? {
                Token::Mark('}') => return Ok(()),
                Token::Number(literal) if literal.is_plain_integer() => name.push_str(&literal.digits),
                Token::Word(word) | Token::Text(word) => name.push_str(word),
                Token::Mark(mark @ ('+' | '-' | ',' | '\'' | '*')) => name.push(mark),
                Token::Command(command) if is_greek(command) => name.push_str(command),
                _ => return Err(Stop::Beyond),
            }
        }
    }

    /// `dy/dx`, where `d` and `y` were one word.
    pub(super) fn derivative(&mut self, word: &str) -> Option<Node> {
        let (Some(Token::Mark('/')), Some(Token::Word(below))) = (self.peek(), self.peek_after(1)) else {
            return None;
        };
        let differential = |word: &str| word.len() == 2 && word.starts_with('d');
        if !differential(word) || !differential(below) {
            return None;
        }
        let node = Node::Symbol(format_compact!("{word}/{below}"));
        self.at += 2;
        Some(node)
    }
}

/// The name of `\frac{dy}{dx}` and `\frac{d^2y}{dx^2}`.
pub fn derivative_name(top: &Node, bottom: &Node) -> Option<String> {
    let (Node::Product(top), Node::Product(bottom)) = (top, bottom) else { return None };
    let is_d = |node: &Node| matches!(node, Node::Symbol(name) if name == "d");
    match (top.as_slice(), bottom.as_slice()) {
        ([first, Node::Symbol(of)], [d, Node::Symbol(by)]) if is_d(first) && is_d(d) => {
            Some(format!("d{of}/d{by}"))
        }
        ([Node::Power(first, order), Node::Symbol(of)], [d, Node::Power(by, below)])
            if is_d(first) && is_d(d) && order == below =>
        {
            match (&**order, &**by) {
                (Node::Number(order), Node::Symbol(by)) => {
                    Some(format!("d^{}{of}/d{by}^{}", order.digits, order.digits))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
