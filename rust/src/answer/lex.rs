//! Tokens of a normalised answer.

use super::limits::{MAX_TOKENS, Stop};
use super::names::count_in_words;
use super::tree::{Decimals, Literal};
use compact_str::CompactString;

#[derive(Debug, Clone, Eq)]
pub enum Token<'a> {
    Number(Literal),
    /// A run of letters, unsplit.
    Word(&'a str),
    /// A command without its backslash; `\{` is `{`.
    Command(&'a str),
    /// What `\text{...}` held, trimmed.
    Text(&'a str),
    /// Any other character; braces that only group are here too.
    Mark(char),
}

/// Where one side is a mark, as in most comparisons of the parser, this is inlined down to one character.
impl PartialEq for Token<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mark(left), Self::Mark(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::Word(left), Self::Word(right))
            | (Self::Command(left), Self::Command(right))
            | (Self::Text(left), Self::Text(right)) => left == right,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexeme<'a> {
    pub token: Token<'a>,
    /// A space stood before it.
    pub spaced: bool,
}

/// The tokens, and whether a bare comma was read as a thousands separator.
pub struct Lexed<'a> {
    pub lexemes: Vec<Lexeme<'a>>,
    pub bare_comma_grouping: bool,
}

/// Splits normalised text.
///
/// `1,234` outside brackets is one number, and `bare_comma_grouping` says that a list was the other reading; with
/// `group_bare_commas` false it is the list. `1{,}234`, `1\,234` (normalised to a space) and `1 234` are always numbers.
pub fn lex(text: &str, group_bare_commas: bool, decimal_comma: bool) -> Result<Lexed<'_>, Stop> {
    let group_bare_commas = group_bare_commas && !decimal_comma;
    let mut lexer =
        Lexer { rest: text, depth: 0, group_bare_commas, decimal_comma, bare_comma_grouping: false };
    let mut lexemes = Vec::with_capacity(text.len() / 2 + 4);
    loop {
        let trimmed = lexer.rest.trim_start();
        let spaced = trimmed.len() != lexer.rest.len();
        lexer.rest = trimmed;
        let Some(token) = lexer.token()? else { break };
        lexemes.push(Lexeme { token, spaced });
        if lexemes.len() > MAX_TOKENS {
            return Err(Stop::Limit);
        }
    }
    Ok(Lexed { lexemes, bare_comma_grouping: lexer.bare_comma_grouping })
}

struct Lexer<'a> {
    rest: &'a str,
    /// Open brackets other than grouping braces.
    depth: usize,
    group_bare_commas: bool,
    decimal_comma: bool,
    bare_comma_grouping: bool,
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Result<Option<Token<'a>>, Stop> {
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if first.is_ascii_alphanumeric()
            && let Some(digits) = self.digits_in_base()
        {
            return Ok(Some(Token::Number(digits)));
        }
        let starts_number = first.is_ascii_digit()
            || (first == '.' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit()));
        if starts_number {
            return Ok(Some(Token::Number(self.number())));
        }
        if first == '\\' {
            return self.command().map(Some);
        }
        if first.is_alphabetic() {
            let end = self.rest.find(|c: char| !c.is_alphabetic()).unwrap_or(self.rest.len());
            return Ok(Some(Token::Word(self.take(end))));
        }
        self.take(first.len_utf8());
        match first {
            '(' | '[' => self.depth += 1,
            ')' | ']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(Some(Token::Mark(first)))
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn command(&mut self) -> Result<Token<'a>, Stop> {
        let letters = self.rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let length =
            if letters > 0 { letters } else { self.rest[1..].chars().next().map_or(0, char::len_utf8) };
        let name = &self.take(1 + length)[1..];
        match name {
            "text" => {
                let end = self.rest.find('}').ok_or(Stop::Beyond)?;
                let words = self.take(end + 1).strip_prefix('{').ok_or(Stop::Beyond)?;
                return Ok(Token::Text(words.trim_end_matches('}').trim()));
            }
            "{" | "langle" => self.depth += 1,
            "}" | "rangle" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(Token::Command(name))
    }

    fn digits(&mut self) -> &'a str {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.take(end)
    }

    fn number(&mut self) -> Literal {
        let mut literal = Literal::plain(self.digits());
        self.groups(&mut literal.digits);
        let comma = self.decimal_comma
            && self.rest.strip_prefix(',').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if comma || self.rest.starts_with('.') && !self.rest.starts_with("..") {
            self.take(1);
            let mut fraction = self.digits().into();
            let repeating = self.repeating().or_else(|| self.dots(&mut fraction));
            literal.decimals = Some(Box::new(Decimals { fraction, repeating }));
        }
        if let Some(after) = self.rest.strip_prefix(['e', 'E']) {
            let sign = usize::from(after.starts_with(['-', '+']));
            let digits = after[sign..].bytes().take_while(u8::is_ascii_digit).count();
            let letter_follows = after[sign + digits..].starts_with(|c: char| c.is_alphabetic());
            if (1..=5).contains(&digits) && !letter_follows {
                let end = 1 + sign + digits;
                literal.exponent = self.take(end)[1..].parse().unwrap_or(0);
            }
        }
        literal
    }

    /// Appends well-formed groups of three digits after the first one to three digits.
    fn groups(&mut self, digits: &mut CompactString) {
        let may_be_grouped = self.rest.starts_with(['{', ',', ' ', '\'', '_']);
        if !may_be_grouped || digits.is_empty() || digits.len() > 3 || digits.starts_with('0') {
            return;
        }
        for separator in ["{,}", ",", " ", "'", "_"] {
            let bare = separator == ",";
            if bare && (self.depth > 0 || !self.group_bare_commas) {
                continue;
            }
            if let Some((grouped, length)) = grouped(self.rest, separator) {
                digits.push_str(&grouped);
                self.take(length);
                self.bare_comma_grouping |= bare;
                return;
            }
        }
    }

    /// `0.333...`: a block that is printed at least twice, three times if it is one digit, goes on for ever.
    fn dots(&mut self, fraction: &mut CompactString) -> Option<CompactString> {
        let length =
            ["...", "\\ldots"].iter().find(|dots| self.rest.starts_with(**dots)).map(|dots| dots.len())?;
        let block = (1..=fraction.len() / 2).find(|block| {
            let times = if *block == 1 { 3 } else { 2 };
            let tail = fraction.len().checked_sub(block * times);
            tail.is_some_and(|tail| {
                let digits = &fraction.as_bytes()[tail..];
                digits.chunks(*block).all(|chunk| chunk == &digits[..*block])
            })
        })?;
        self.take(length);
        Some(fraction.split_off(fraction.len() - block))
    }

    /// `1A_{16}`: digits and letters with a base above ten after them.
    fn digits_in_base(&mut self) -> Option<Literal> {
        let length = self.rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (digits, after) = self.rest.split_at(length);
        let subscript = after.strip_prefix('_')?;
        let subscript = subscript.strip_prefix('{').unwrap_or(subscript);
        let named = |subscript: &str| {
            let (word, _) = subscript.strip_prefix("\\text{")?.split_once('}')?;
            count_in_words(word).map(|base| base as u32)
        };
        let base = subscript.get(..2)?.parse().ok().or_else(|| named(subscript));
        let base = base.filter(|base| (11..=36).contains(base))?;
        let fits = digits.bytes().any(|byte| byte.is_ascii_alphabetic())
            && digits.chars().all(|digit| digit.is_digit(base) && !digit.is_ascii_lowercase());
        // A letter alone with a two-digit subscript is a variable, unless more digits follow it.
        (fits && digits.len() > 1).then(|| {
            self.take(length);
            Literal::plain(digits)
        })
    }

    /// `\overline{3}`, `\dot{3}` or `(3)` right after the decimals.
    fn repeating(&mut self) -> Option<CompactString> {
        let bracketed = self.rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        if let Some((digits, _)) = bracketed
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.take(digits.len() + 2);
            return Some(digits.into());
        }
        let after = ["\\overline{", "\\dot{"].iter().find_map(|command| self.rest.strip_prefix(command))?;
        let (digits, _) = after.split_once('}')?;
        let fine = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let length = self.rest.len() - after.len() + digits.len() + 1;
        fine.then(|| {
            self.take(length);
            digits.into()
        })
    }
}

/// The digits of one or more groups `<separator>ddd`, and the length they take; None unless the run is well formed.
fn grouped(rest: &str, separator: &str) -> Option<(String, usize)> {
    let mut digits = String::new();
    let mut at = 0;
    while let Some(after) = rest[at..].strip_prefix(separator) {
        let run = after.bytes().take_while(u8::is_ascii_digit).count();
        match run {
            0 => break,
            3 => {}
            // `1 2/3` has no group; `1,23` and `1,2345` make the whole run a list.
            _ => return None,
        }
        digits.push_str(&after[..3]);
        at += separator.len() + 3;
    }
    // `5 120/7` would be a mixed number, not 5120 over 7.
    let ends_well = !(separator == " " && rest[at..].trim_start().starts_with('/'));
    (at > 0 && ends_well).then_some((digits, at))
}
