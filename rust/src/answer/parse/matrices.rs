//! Matrix environments.

use super::Parser;
use crate::answer::lex::Token;
use crate::answer::limits::{MAX_CELLS, Stop};
use crate::answer::tree::Node;

/// Cells in row order; every row has as many.
pub fn matrix(rows: Vec<Vec<Node>>) -> Node {
    Node::Call("matrix".to_owned(), rows.into_iter().map(|row| Node::Bracketed('[', ']', row)).collect())
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
            "determinant".clone_into(function);
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
