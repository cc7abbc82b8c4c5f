//! Units, currencies, angles in degrees, minutes and seconds.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::names::is_product;
use crate::answer::tree::Node;
use crate::answer::units::{self, Unit};

/// Tokens of one unit.
const MAX_UNIT_TOKENS: usize = 24;
/// Currencies that may stand before the amount.
const CURRENCY_CODES: [&str; 12] =
    ["USD", "EUR", "GBP", "JPY", "CNY", "RMB", "INR", "Rs", "CHF", "MXN", "RUB", "KRW"];

impl Parser<'_> {
    /// Whether a number, perhaps with a sign of currency, follows the next token.
    fn starts_amount(&self) -> bool {
        let stop = usize::from(self.peek_after(1) == Some(&Token::Mark('.')));
        matches!(self.peek_after(1 + stop), Some(Token::Number(_)))
    }

    pub(super) fn currency(&mut self) -> Option<Unit> {
        let unit = match self.peek()? {
            Token::Command("$") => units::find("$"),
            // `US\$5`, `Rs. 500`
            Token::Word("US") if self.peek_after(1) == Some(&Token::Command("$")) => {
                self.at += 1;
                units::find("$")
            }
            Token::Word(code) | Token::Text(code) if self.starts_amount() => {
                let code = code.trim_end_matches(['.', ' ']);
                let stop = usize::from(self.peek_after(1) == Some(&Token::Mark('.')));
                let unit = CURRENCY_CODES.contains(&code).then(|| units::find(code)).flatten();
                self.at += if unit.is_some() { stop } else { 0 };
                unit
            }
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
            Token::Text(_) => self.spelled_unit().map(|(unit, _)| unit),
            Token::Word("square" | "sq" | "cubic") => self.power_unit().map(|(unit, _)| unit),
            Token::Word("in") => self.peek_after(1).is_none().then(|| units::find("in")).flatten(),
            Token::Word(_) | Token::Command("frac") => self.spelled_unit().map(|(unit, _)| unit),
            Token::Command("$") => units::find("$"),
            Token::Mark('€') => units::find("€"),
            _ => None,
        }
    }

    /// A unit over several tokens, and their number: `\text{m/s}^2`, `\text{kg}\cdot\text{m}`, `km/h` after a number,
    /// `\frac{\text{m}}{\text{s}}`.
    fn spelled_unit(&self) -> Option<(Unit, usize)> {
        if self.peek() == Some(&Token::Command("frac")) {
            return self.unit_fraction();
        }
        let in_text = matches!(self.peek()?, Token::Text(_));
        let word = self.unit_word(0)?;
        // A letter alone is a variable, but for `m/s`.
        if !in_text && word.len() < 2 && self.peek_after(1) != Some(&Token::Mark('/')) {
            return None;
        }
        let mut spelled = word.to_owned();
        let mut found = match units::find(&spelled) {
            unit if in_text => unit.or_else(|| units::things(&spelled)).map(|unit| (unit, 1)),
            unit => unit.filter(|_| spelled.len() > 1 && !is_product(&spelled)).map(|unit| (unit, 1)),
        };
        let mut length = 1;
        loop {
            let before = length;
            if length > MAX_UNIT_TOKENS {
                break;
            }
            // A letter alone is a variable.
            if let Some((power, tokens)) = self.unit_power(length).filter(|_| found.is_some()) {
                (spelled, length) = (format!("{spelled}^{power}"), length + tokens);
            } else if self.peek_after(length) == Some(&Token::Mark('/')) {
                let Some(word) = self.unit_word(length + 1) else { break };
                // `2m/h` without `\text` may be a quotient of variables.
                let letters = spelled.len() < 2 && word.len() < 2 && (spelled.as_str(), word) != ("m", "s");
                let after_number = self.at > 0
                    && matches!(self.lexemes[self.at - 1].token, Token::Number(_) | Token::Mark('}'));
                if !in_text && (letters || !after_number) {
                    break;
                }
                (spelled, length) = (format!("{spelled}/{word}"), length + 2);
            } else if in_text {
                let dot = usize::from(matches!(
                    self.peek_after(length),
                    Some(Token::Command("cdot" | "times") | Token::Mark('*'))
                ));
                let Some(Token::Text(word)) = self.peek_after(length + dot) else { break };
                (spelled, length) = (format!("{spelled} {word}"), length + dot + 1);
            }
            if length == before {
                break;
            }
            let Some(unit) = units::find(&spelled) else { break };
            found = Some((unit, length));
        }
        found
    }

    fn unit_word(&self, distance: usize) -> Option<&str> {
        match self.peek_after(distance) {
            Some(Token::Word(word)) => Some(word),
            // `3 \text{ hours and } 20 \text{ minutes}`
            Some(Token::Text(word)) => Some(word.strip_suffix(" and").unwrap_or(word)),
            _ => None,
        }
    }

    /// What is paid `/\text{hour}` or `\text{per hour}`: the unit with its divisor.
    pub(super) fn rate(&mut self, currency: &Unit) -> Option<Unit> {
        let (per, length) = match (self.peek()?, self.peek_after(1)) {
            (Token::Mark('/'), Some(Token::Text(word))) => (*word, 2),
            (Token::Text(words), _) => (words.strip_prefix("per ")?, 1),
            _ => return None,
        };
        let rate = currency.clone().over(units::find(per)?)?;
        self.at += length;
        Some(rate)
    }

    /// `^2`, `^{-1}`: the power and its tokens.
    fn unit_power(&self, distance: usize) -> Option<(String, usize)> {
        let token = |offset: usize| self.peek_after(distance + offset);
        let braces = usize::from(token(1) == Some(&Token::Mark('{')));
        let minus = usize::from(token(1 + braces) == Some(&Token::Mark('-')));
        let (Some(Token::Mark('^')), Some(Token::Number(power))) = (token(0), token(1 + braces + minus))
        else {
            return None;
        };
        let closed = braces == 0 || token(2 + braces + minus) == Some(&Token::Mark('}'));
        let sign = if minus > 0 { "-" } else { "" };
        closed.then(|| (format!("{sign}{}", power.digits), 2 + 2 * braces + minus))
    }

    /// `\frac{\text{m}}{\text{s}^2}`
    fn unit_fraction(&self) -> Option<(Unit, usize)> {
        let mut at = 1;
        let mut spelled = String::new();
        for part in ["", "/("] {
            spelled.push_str(part);
            (self.peek_after(at)? == &Token::Mark('{')).then_some(())?;
            at += 1;
            while self.peek_after(at)? != &Token::Mark('}') {
                if let Some((power, tokens)) = self.unit_power(at) {
                    (spelled, at) = (format!("{spelled}^{power}"), at + tokens);
                    continue;
                }
                match self.peek_after(at)? {
                    Token::Text(word) => spelled = format!("{spelled} {word}"),
                    Token::Command("cdot") => {}
                    _ => return None,
                }
                at += 1;
            }
            at += 1;
        }
        units::find(&format!("{spelled})")).map(|unit| (unit, at))
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
        let mark = !matches!(self.peek()?, Token::Word(_) | Token::Text(_) | Token::Command("frac"));
        let inches = self.peek() == Some(&Token::Word("in"));
        let (unit, length) = if mark || inches {
            (self.unit(self.peek()?)?, 1)
        } else {
            self.power_unit().or_else(|| self.spelled_unit())?
        };
        self.at += length;
        // Whatever power is left was none of a unit.
        (self.peek() != Some(&Token::Mark('^'))).then_some(unit)
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
        // `3 \text{ m} \times 4 \text{ m}` is no length.
        if matches!(&value, Node::Product(factors) if factors.iter().any(|factor| matches!(factor, Node::Measured(..))))
        {
            return Err(Stop::Beyond);
        }
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
        Ok(Node::Measured(Box::new(value), Box::new(unit)))
    }

    /// What follows a degree mark: a temperature scale, minutes and seconds of arc, or nothing.
    pub(super) fn degrees(&mut self, value: Node, unit: Unit) -> Result<Node, Stop> {
        if let Some(Token::Word(scale @ ("C" | "F")) | Token::Text(scale @ ("C" | "F"))) = self.peek() {
            let name = if *scale == "C" { "celsius" } else { "fahrenheit" };
            self.at += 1;
            let unit = units::find(name).ok_or(Stop::Beyond)?;
            return Ok(Node::Measured(Box::new(value), Box::new(unit)));
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
            parts.push(Node::Quotient(
                Box::new(Node::Number(minutes.clone())),
                Box::new(Node::number(divisor)),
            ));
            self.at += 1 + marks;
        }
        let value = if parts.len() == 1 { parts.swap_remove(0) } else { Node::Sum(parts) };
        Ok(Node::Measured(Box::new(value), Box::new(unit)))
    }
}
