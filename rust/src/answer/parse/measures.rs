//! Units, currencies, angles in degrees, minutes and seconds.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::names::is_product;
use crate::answer::tree::{Literal, Node};
use crate::answer::units::{self, Unit};

impl Parser<'_> {
    pub(super) fn currency(&mut self) -> Option<Unit> {
        let unit = match self.peek()? {
            Token::Command("$") => units::find("$"),
            Token::Mark('€') => units::find("€"),
            Token::Mark('£') => units::find("£"),
            Token::Mark('₹') => units::find("₹"),
            _ => None,
        };
        self.at += usize::from(unit.is_some());
        unit
    }

    pub(super) fn unit(&self, token: &Token<'_>) -> Option<Unit> {
        match token {
            Token::Word("square" | "sq" | "cubic") => self.power_unit().map(|(unit, _)| unit),
            Token::Text(words) => units::find(words).or_else(|| units::things(words)),
            Token::Word("in") => self.peek_after(1).is_none().then(|| units::find("in")).flatten(),
            Token::Word(_) if self.unit_quotient().is_some() => self.unit_quotient().map(|(unit, _)| unit),
            Token::Word(word) if word.len() > 1 && !is_product(word) => units::find(word),
            Token::Command("$") => units::find("$"),
            Token::Mark('€') => units::find("€"),
            _ => None,
        }
    }

    /// `km/h` or `m/s` after a number, and its tokens.
    fn unit_quotient(&self) -> Option<(Unit, usize)> {
        let word = |distance: usize| match self.peek_after(distance) {
            Some(Token::Word(word) | Token::Text(word)) => Some(*word),
            _ => None,
        };
        let after_number =
            self.at > 0 && matches!(self.lexemes[self.at - 1].token, Token::Number(_) | Token::Mark('}'));
        let (top, Token::Mark('/'), bottom) = (word(0)?, self.peek_after(1)?, word(2)?) else { return None };
        let unit = units::find(&format!("{top}/{bottom}")).filter(|_| after_number)?;
        Some((unit, 3))
    }

    /// `square units` without `\text`, and its tokens; a lone `squares` is a count.
    pub(super) fn power_unit(&self) -> Option<(Unit, usize)> {
        match (self.peek()?, self.peek_after(1)) {
            (Token::Word(power @ ("square" | "sq" | "cubic")), Some(Token::Word(unit))) => {
                units::find(&format!("{power} {unit}")).map(|unit| (unit, 2))
            }
            (Token::Word("square"), None) => units::find("square").map(|unit| (unit, 1)),
            _ => None,
        }
    }

    /// A unit and its power; only a relation, a separator or the end may follow.
    pub(super) fn take_unit(&mut self) -> Option<Unit> {
        if let Some((unit, length)) = self.power_unit() {
            self.at += length;
            return Some(unit);
        }
        let mut unit = self.unit(self.peek()?)?;
        if let Some((quotient, length)) = self.unit_quotient() {
            self.at += length;
            return Some(quotient);
        }
        self.at += 1;
        if self.peek() == Some(&Token::Mark('^')) {
            let braces = usize::from(self.peek_after(1) == Some(&Token::Mark('{')));
            let Some(Token::Number(power)) = self.peek_after(1 + braces) else { return None };
            unit = unit.raised(power.digits.parse().ok().filter(|power| (1..=9).contains(power))?)?;
            self.at += 2 + 2 * braces;
        }
        Some(unit)
    }

    /// `\circ` or `{\circ}` after `^`.
    pub(super) fn degree_mark(&mut self) -> Option<Unit> {
        let braces = usize::from(self.peek() == Some(&Token::Mark('{')));
        if self.peek_after(braces) != Some(&Token::Command("circ")) {
            return None;
        }
        self.at += 1 + 2 * braces;
        units::find("degree")
    }

    /// A value with its unit, and the smaller parts after it: `3 h 30 min`, `5 ft 6 in`.
    pub(super) fn measured(&mut self, value: Node) -> Result<Node, Stop> {
        let unit = self.take_unit().ok_or(Stop::Beyond)?;
        let mut parts = vec![value];
        loop {
            let start = self.at;
            while matches!(self.peek(), Some(Token::Mark(',') | Token::Word("and") | Token::Text("and"))) {
                self.at += 1;
            }
            let Some(Token::Number(literal)) = self.peek() else {
                self.at = start;
                break;
            };
            let number = Node::Number(literal.clone());
            self.at += 1;
            let smaller =
                self.peek().and_then(|token| self.unit(token)).is_some().then(|| self.take_unit()).flatten();
            match smaller {
                Some(smaller) if smaller.is_part_of(&unit) => {
                    parts.push(Node::Product(vec![number, smaller.in_terms_of(&unit)]));
                }
                _ => {
                    self.at = start;
                    break;
                }
            }
        }
        let value = if parts.len() == 1 { parts.swap_remove(0) } else { Node::Sum(parts) };
        Ok(Node::Measured(Box::new(value), unit))
    }

    /// What follows a degree mark: a temperature scale, minutes and seconds of arc, or nothing.
    pub(super) fn degrees(&mut self, value: Node, unit: Unit) -> Result<Node, Stop> {
        if let Some(Token::Word(scale @ ("C" | "F")) | Token::Text(scale @ ("C" | "F"))) = self.peek() {
            let name = if *scale == "C" { "celsius" } else { "fahrenheit" };
            self.at += 1;
            let unit = units::find(name).ok_or(Stop::Beyond)?;
            return Ok(Node::Measured(Box::new(value), unit));
        }
        let mut parts = vec![value];
        for (marks, divisor) in [(1, "60"), (2, "3600")] {
            let (Some(Token::Number(minutes)), Some(Token::Mark('\''))) = (self.peek(), self.peek_after(1))
            else {
                break;
            };
            let own = 1 + usize::from(self.peek_after(2) == Some(&Token::Mark('\'')));
            if own != marks {
                break;
            }
            let divisor = Literal { digits: divisor.to_owned(), ..Literal::default() };
            parts.push(Node::Quotient(
                Box::new(Node::Number(minutes.clone())),
                Box::new(Node::Number(divisor)),
            ));
            self.at += 1 + marks;
        }
        let value = if parts.len() == 1 { parts.swap_remove(0) } else { Node::Sum(parts) };
        Ok(Node::Measured(Box::new(value), unit))
    }
}
