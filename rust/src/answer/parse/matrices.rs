//! Matrix environments.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::{MAX_CELLS, Stop};
use crate::answer::tree::Node;

/// Cells in row order; every row has as many.
pub fn matrix(rows: Vec<Vec<Node>>) -> Node {
    Node::Call("matrix".into(), rows.into_iter().map(|row| Node::Bracketed('[', ']', row)).collect())
}

impl Parser<'_> {
    /// What follows `\begin`. Bars around a matrix make its determinant, other delimiters change nothing.
    pub(super) fn environment(&mut self) -> Result<Node, Stop> {
        let name = self.environment_name()?;
        let determinant = match name {
            "vmatrix" => true,
            "matrix" | "pmatrix" | "bmatrix" | "smallmatrix" | "cases" | "aligned" | "align" | "gathered" => {
                false
            }
            "array" => {
                self.expect('{')?;
                while !self.take(&Token::Mark('}')) {
                    self.next()?;
                }
                false
            }
            _ => return Err(Stop::Beyond),
        };
        if name == "cases" && self.has_conditions() {
            let pieces = self.deeper(Self::pieces)?;
            return if self.environment_name()? == name { Ok(pieces) } else { Err(Stop::Beyond) };
        }
        let listed = matches!(name, "cases" | "aligned" | "align" | "gathered");
        let rows = if listed { self.deeper(Self::lines)? } else { self.deeper(Self::rows)? };
        if listed {
            let lines = rows.into_iter().flatten().collect();
            return if self.environment_name()? == name { Ok(Node::List(lines)) } else { Err(Stop::Beyond) };
        }
        if self.environment_name()? != name || rows.iter().any(|row| row.len() != rows[0].len()) {
            return Err(Stop::Beyond);
        }
        let mut node = matrix(rows);
        if let (true, Node::Call(function, _)) = (determinant, &mut node) {
            *function = "determinant".into();
        }
        Ok(node)
    }

    fn environment_name(&mut self) -> Result<&'static str, Stop> {
        self.expect('{')?;
        let name = match self.next()? {
            Token::Word("matrix") => "matrix",
            Token::Word("pmatrix") => "pmatrix",
            Token::Word("bmatrix") => "bmatrix",
            Token::Word("vmatrix") => "vmatrix",
            Token::Word("smallmatrix") => "smallmatrix",
            Token::Word("array") => "array",
            Token::Word("cases") => "cases",
            Token::Word("aligned") => "aligned",
            Token::Word("align") => "align",
            Token::Word("gathered") => "gathered",
            _ => return Err(Stop::Beyond),
        };
        self.expect('}')?;
        Ok(name)
    }

    /// Whether the first mark of alignment separates a value from a condition, and does not line up relations.
    fn has_conditions(&self) -> bool {
        let rest = &self.lexemes[self.at..];
        let mark = rest.iter().position(|lexeme| lexeme.token == Token::Mark('&'));
        let after = mark.and_then(|mark| rest.get(mark + 1)).map(|lexeme| &lexeme.token);
        after.is_some_and(|token| {
            !matches!(
                token,
                Token::Mark('=' | '<' | '>') | Token::Command("le" | "ge" | "ne" | "approx" | "in")
            )
        })
    }

    /// `value & condition` per line, up to and with `\end`.
    fn pieces(&mut self) -> Result<Node, Stop> {
        let mut parts = Vec::new();
        loop {
            parts.push(self.sum()?);
            self.take(&Token::Mark(','));
            if !self.take(&Token::Mark('&')) {
                return Err(Stop::Beyond);
            }
            while matches!(
                self.peek(),
                Some(Token::Text("if" | "for" | "when") | Token::Word("if" | "for" | "when"))
            ) {
                self.at += 1;
            }
            parts.push(self.piece_condition()?);
            match self.next()? {
                Token::Command("\\") if self.take(&Token::Command("end")) => break,
                Token::Command("\\") => {}
                Token::Command("end") => break,
                _ => return Err(Stop::Beyond),
            }
        }
        Ok(Node::Call("piecewise".into(), parts))
    }

    /// A relation, or what the line says in words.
    fn piece_condition(&mut self) -> Result<Node, Stop> {
        let ends = |token: &Token<'_>| matches!(token, Token::Command("\\" | "end"));
        let rest = &self.lexemes[self.at..];
        let length = rest.iter().position(|lexeme| ends(&lexeme.token)).ok_or(Stop::Beyond)?;
        let end = self.at + length;
        let marks = rest[..length]
            .iter()
            .rev()
            .take_while(|lexeme| matches!(lexeme.token, Token::Mark(',' | '.' | ';')));
        let last = end - marks.count();
        let tail = self.lexemes.split_off(last);
        let start = self.at;
        let words = self.words_of(start, last);
        let parsed = self.list().ok().filter(|_| self.at == last);
        self.lexemes.extend(tail);
        self.at = end;
        match (parsed, words) {
            (Some(node @ (Node::Chain(..) | Node::Call(..))), _) => Ok(node),
            (_, Some(words)) => Ok(Node::Text(words)),
            _ => Err(Stop::Beyond),
        }
    }

    fn words_of(&self, start: usize, end: usize) -> Option<String> {
        let words = self.lexemes[start..end].iter().map(|lexeme| match &lexeme.token {
            Token::Text(word) | Token::Word(word) => Some((*word).to_owned()),
            Token::Mark(mark) => Some(mark.to_string()),
            Token::Number(literal) if literal.is_plain_integer() => Some(literal.digits.to_string()),
            _ => None,
        });
        words.collect::<Option<Vec<_>>>().map(|words| words.join(" "))
    }

    /// One relation or value per line, up to and with `\end`; marks of alignment say nothing.
    fn lines(&mut self) -> Result<Vec<Vec<Node>>, Stop> {
        let end = self.lexemes[self.at..].iter().position(|lexeme| lexeme.token == Token::Command("end"));
        let end = self.at + end.ok_or(Stop::Beyond)?;
        let inside = self.at..end;
        let mut position = 0;
        self.lexemes.retain(|lexeme| {
            position += 1;
            !(inside.contains(&(position - 1)) && lexeme.token == Token::Mark('&'))
        });
        let mut lines = Vec::new();
        loop {
            lines.push(vec![self.chain()?]);
            while matches!(self.peek(), Some(Token::Mark(',' | ';'))) {
                self.at += 1;
            }
            match self.next()? {
                Token::Command("\\") if self.take(&Token::Command("end")) => return Ok(lines),
                Token::Command("\\") => {}
                Token::Command("end") => return Ok(lines),
                _ => return Err(Stop::Beyond),
            }
        }
    }

    /// Rows up to and with `\end`.
    fn rows(&mut self) -> Result<Vec<Vec<Node>>, Stop> {
        let mut rows = vec![Vec::new()];
        let mut cells = 0;
        loop {
            let row = rows.last_mut().ok_or(Stop::Beyond)?;
            row.push(self.sum()?);
            cells += 1;
            if cells > MAX_CELLS {
                return Err(Stop::Limit);
            }
            match self.next()? {
                Token::Mark('&') => {}
                Token::Command("\\") => {
                    if self.take(&Token::Command("end")) {
                        return Ok(rows);
                    }
                    rows.push(Vec::new());
                }
                Token::Command("end") => return Ok(rows),
                _ => return Err(Stop::Beyond),
            }
        }
    }
}
