//! The smallest parts of an expression: numbers, names, functions and whatever stands in brackets.

use super::{Parser, Sign};
use crate::answer::lex::Token;
use crate::answer::limits::Stop;
use crate::answer::names::{canonical_function, count_in_words, is_function, is_greek, is_product};
use crate::answer::tree::{Constant, Literal, Node};
use compact_str::{CompactString, ToCompactString};

/// The call that stands for what an ellipsis leaves out.
pub const DOTS: &str = "dots";

/// Whether a command can begin a factor.
pub fn starts_atom(name: &str) -> bool {
    matches!(
        name,
        "frac"
            | "sqrt"
            | "binom"
            | "pi"
            | "infty"
            | "lfloor"
            | "lceil"
            | "{"
            | "langle"
            | "emptyset"
            | "log"
            | "begin"
            | "overline"
            | "sum"
            | "prod"
            | "Re"
            | "Im"
    ) || is_function(name)
        || is_greek(name)
}

impl<'a> Parser<'a> {
    pub(super) fn atom(&mut self) -> Result<Node, Stop> {
        match self.next()? {
            Token::Number(literal) => self.number(literal),
            Token::Word(word) => self.word(word),
            Token::Command(name) => self.command(name),
            Token::Mark(open @ ('(' | '[' | '<')) => self.brackets(open),
            Token::Mark('{') if self.peek() == Some(&Token::Mark('}')) => {
                self.at -= 1;
                self.prescript()?.ok_or(Stop::Beyond)
            }
            Token::Mark('{') => self.group(),
            Token::Mark('_' | '^') => {
                self.at -= 1;
                self.prescript()?.ok_or(Stop::Beyond)
            }
            Token::Mark('.') if [self.peek(), self.peek_after(1)] == [Some(&Token::Mark('.')); 2] => {
                self.at += 2;
                Ok(Node::Call(DOTS.into(), Vec::new()))
            }
            Token::Mark('|') => {
                let inner = self.deeper(|parser| {
                    parser.in_bars = true;
                    parser.sum()
                })?;
                self.expect('|')?;
                Ok(Node::Call("abs".into(), vec![inner]))
            }
            Token::Text(letter @ ("C" | "P" | "A"))
                if matches!(self.peek(), Some(Token::Mark('_' | '^'))) =>
            {
                let letter = letter.chars().next().ok_or(Stop::Beyond)?;
                self.scripts(letter).ok_or(Stop::Beyond)
            }
            // `\text{Area} = 12`
            Token::Text(name) if self.at == 1 && self.peek() == Some(&Token::Mark('=')) => {
                Ok(Node::Symbol(name.into()))
            }
            // `\text{Var}(X) = 2`
            Token::Text(name) if self.at == 1 && self.defines() => self.function_in_words(name),
            // `\text{1A}_{16}`
            Token::Text(digits) if self.peek() == Some(&Token::Mark('_')) => {
                self.at += 1;
                Ok(Node::Call("base".into(), vec![Node::number(digits), self.base()?]))
            }
            Token::Text(_) | Token::Mark(_) => Err(Stop::Beyond),
        }
    }

    /// A number, a mixed number `2\frac{3}{4}` or `2 3/4`, or `1011_2`.
    fn number(&mut self, literal: Literal) -> Result<Node, Stop> {
        if !literal.is_plain_integer() {
            return Ok(Node::Number(literal));
        }
        let before = self.at;
        let fraction = match (self.peek(), self.peek_after(1), self.peek_after(2)) {
            (Some(frac @ Token::Command("frac")), ..) if self.unit(frac).is_none() => {
                self.at += 1;
                let (top, bottom) = (self.argument()?, self.argument()?);
                proper(&top, &bottom).then(|| Node::Quotient(Box::new(top), Box::new(bottom)))
            }
            (Some(Token::Number(top)), Some(Token::Mark('/')), Some(Token::Number(bottom)))
                if self.spaced() =>
            {
                let (top, bottom) = (Node::Number(top.clone()), Node::Number(bottom.clone()));
                self.at += 3;
                if !proper(&top, &bottom) {
                    return Err(Stop::Beyond);
                }
                Some(Node::Quotient(Box::new(top), Box::new(bottom)))
            }
            _ => None,
        };
        let whole = Node::Number(literal);
        let Some(fraction) = fraction else {
            self.at = before;
            return Ok(whole);
        };
        Ok(Node::Sum(vec![whole, fraction]))
    }

    /// `_2`, `_{10}`, `_{two}` after an integer.
    pub(super) fn base(&mut self) -> Result<Node, Stop> {
        let braces = self.take(&Token::Mark('{'));
        let base = match self.next()? {
            Token::Number(literal) if literal.is_plain_integer() => literal.digits,
            Token::Word(name) | Token::Text(name) => {
                count_in_words(name).ok_or(Stop::Beyond)?.to_compact_string()
            }
            _ => return Err(Stop::Beyond),
        };
        if braces {
            self.expect('}')?;
        }
        Ok(Node::number(base))
    }

    fn word(&mut self, word: &'a str) -> Result<Node, Stop> {
        match word {
            "pi" | "Pi" => return Ok(Node::Constant(Constant::Pi)),
            "sqrt" => return self.root(),
            "inf" | "infty" | "infinity" | "Infinity" => return Ok(Node::Constant(Constant::Infinity)),
            _ if is_function(word) => return self.function(word),
            _ => {}
        }
        if let Some(derivative) = self.derivative(word) {
            return Ok(derivative);
        }
        let mut letters = word.chars();
        let first = letters.next().ok_or(Stop::Beyond)?;
        let rest = letters.as_str();
        if !rest.is_empty() {
            if !is_product(word) {
                // `ABC`, a triangle.
                let points = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase());
                return if points { Ok(Node::Symbol(word.into())) } else { Err(Stop::Beyond) };
            }
            // The other letters are factors of their own; a power after them belongs to the last one.
            self.at -= 1;
            let lexeme = &mut self.lexemes[self.at];
            lexeme.token = Token::Word(rest);
            lexeme.spaced = false;
        }
        if rest.is_empty()
            && let Some(node) = self.scripts(first)
        {
            return Ok(node);
        }
        let inverse = self.peek() == Some(&Token::Mark('^'))
            && (1..5).any(|distance| self.peek_after(distance) == Some(&Token::Mark('-')))
            && matches!(first, 'f' | 'g' | 'h');
        if inverse {
            return self.inverse_of(first);
        }
        let primes = if rest.is_empty() && !matches!(first, 'e' | 'i') { self.primes() } else { 0 };
        if primes > 0 {
            return self.primed(first, primes);
        }
        let named =
            matches!(first, 'f' | 'g' | 'h' | 'A'..='H' | 'J'..='Z') || rest.is_empty() && self.defines();
        if named && rest.is_empty() && !self.spaced() && self.peek() == Some(&Token::Mark('(')) {
            let start = self.at;
            self.at += 1;
            let argument = self.brackets('(')?;
            match argument {
                Node::Bracketed('(', ')', items) => return Ok(Node::Call(first.to_compact_string(), items)),
                argument if !first.is_ascii_uppercase() || is_name(&argument) => {
                    return Ok(Node::Call(first.to_compact_string(), vec![argument]));
                }
                _ => self.at = start,
            }
        }
        match first {
            'e' if rest.is_empty() => Ok(Node::Constant(Constant::E)),
            'i' if rest.is_empty() => Ok(Node::Constant(Constant::I)),
            _ => self.symbol(first.to_compact_string(), rest.is_empty()),
        }
    }

    /// A name with its subscript: `x_1`, `a_{n}`.
    fn symbol(&mut self, mut name: CompactString, may_have_subscript: bool) -> Result<Node, Stop> {
        if may_have_subscript && self.take(&Token::Mark('_')) {
            name.push('_');
            if self.take(&Token::Mark('{')) {
                self.index(&mut name)?;
                return Ok(Node::Symbol(name));
            }
            match self.next()? {
                Token::Number(literal) if literal.is_plain_integer() => name.push_str(&literal.digits),
                Token::Word(word) => name.push_str(word),
                Token::Text(words) => name.push_str(words),
                _ => return Err(Stop::Beyond),
            }
        }
        Ok(Node::Symbol(name))
    }

    fn command(&mut self, name: &'a str) -> Result<Node, Stop> {
        match name {
            "frac" => {
                let (top, bottom) = (self.argument()?, self.argument()?);
                Ok(Node::Quotient(Box::new(top), Box::new(bottom)))
            }
            "sum" => self.big_operator("sum"),
            "prod" => self.big_operator("product"),
            "overline" | "conj" => {
                let inner = self.argument()?;
                // Letters under a bar are digits, or the ends of a segment.
                if matches!(inner, Node::Product(_)) && !has_number(&inner) {
                    return if is_segment(&inner) { Ok(inner) } else { Err(Stop::Beyond) };
                }
                Ok(Node::Call("conjugate".into(), vec![inner]))
            }
            "binom" => {
                let arguments = vec![self.argument()?, self.argument()?];
                Ok(Node::Call("binomial".into(), arguments))
            }
            "sqrt" => self.root(),
            "pi" => Ok(Node::Constant(Constant::Pi)),
            "infty" => Ok(Node::Constant(Constant::Infinity)),
            "emptyset" => Ok(Node::Bracketed('{', '}', Vec::new())),
            "begin" => self.environment(),
            "mathbb" => match (self.peek(), self.peek_after(1)) {
                // Expectation and probability.
                (Some(Token::Mark('{')), Some(&Token::Word(letter @ ("E" | "P")))) => {
                    self.at += 2;
                    self.expect('}')?;
                    self.word(letter)
                }
                _ => self.number_set(),
            },
            "R" | "Reals" => self.signed_reals(),
            "Re" => self.function("re"),
            "Im" => self.function("im"),
            "lfloor" => self.between("rfloor", "floor"),
            "lceil" => self.between("rceil", "ceiling"),
            "{" => self.brackets('{'),
            "langle" => self.brackets('<'),
            "ldots" => Ok(Node::Call(DOTS.into(), Vec::new())),
            "Gamma" | "zeta" if self.peek() == Some(&Token::Mark('(')) => self.applied(name),
            "phi" | "sigma" | "tau" | "mu" | "psi" if self.number_in_brackets() => self.applied(name),
            "det" => match self.atom()? {
                Node::Call(matrix, rows) if matrix == "matrix" => Ok(Node::Call("determinant".into(), rows)),
                _ => Err(Stop::Beyond),
            },
            _ if is_greek(name) && self.defines() => self.applied(name),
            _ if is_greek(name) => self.symbol(name.into(), true),
            _ if is_function(name) => self.function(name),
            _ => Err(Stop::Beyond),
        }
    }

    /// A function named by a Greek letter, from the bracket on.
    pub(super) fn applied(&mut self, name: &str) -> Result<Node, Stop> {
        self.at += 1;
        Ok(match self.brackets('(')? {
            Node::Bracketed('(', ')', items) => Node::Call(name.into(), items),
            argument => Node::Call(name.into(), vec![argument]),
        })
    }

    /// `(12)`: a letter before it is a function of number theory, or a factor; only its name says which.
    fn number_in_brackets(&self) -> bool {
        matches!(
            (self.peek(), self.peek_after(1), self.peek_after(2)),
            (Some(Token::Mark('(')), Some(Token::Number(_)), Some(Token::Mark(')')))
        )
    }

    fn between(&mut self, close: &str, name: &str) -> Result<Node, Stop> {
        let inner = self.deeper(Self::sum)?;
        if self.take(&Token::Command(close)) {
            Ok(Node::Call(name.into(), vec![inner]))
        } else {
            Err(Stop::Beyond)
        }
    }

    fn root(&mut self) -> Result<Node, Stop> {
        let degree = if self.take(&Token::Mark('[')) {
            let degree = self.deeper(Self::sum)?;
            self.expect(']')?;
            degree
        } else {
            Node::number(2)
        };
        let radicand = self.deeper(Self::atom)?;
        Ok(Node::Root(Box::new(radicand), Box::new(degree)))
    }

    /// `\sin^2 x`, `\log_2 8`, `\sin(x)`, `\ln 2x`.
    fn function(&mut self, name: &str) -> Result<Node, Stop> {
        let base = if self.take(&Token::Mark('_')) { Some(self.argument()?) } else { None };
        let exponent = if self.take(&Token::Mark('^')) { Some(self.argument()?) } else { None };
        let argument = self.deeper(Self::function_argument)?;
        let mut arguments = match argument {
            Node::Bracketed('(', ')', items) => items,
            single => vec![single],
        };
        arguments.extend(base);
        let call = Node::Call(canonical_function(name).into(), arguments);
        Ok(match exponent {
            // The inverse function, not the reciprocal.
            Some(Node::Negative(inner)) => return inverse_function(name, &inner, call),
            Some(exponent) => Node::Power(Box::new(call), Box::new(exponent)),
            None => call,
        })
    }

    /// Brackets, or the factors up to the next operator or function.
    fn function_argument(&mut self) -> Result<Node, Stop> {
        if self.take(&Token::Mark('(')) {
            return self.brackets('(');
        }
        // `\log{(5)}^{3}` is a power of the logarithm.
        if self.peek() == Some(&Token::Mark('{')) && self.peek_after(1) != Some(&Token::Mark('}')) {
            self.at += 1;
            return self.group();
        }
        if self.take(&Token::Command("{")) {
            return Ok(match self.brackets('{')? {
                Node::Bracketed('{', '}', items) => Node::Bracketed('(', ')', items),
                node => node,
            });
        }
        let negative = matches!(self.sign(), Sign::Minus);
        let mut factors = vec![self.power()?];
        let goes_on = |token: &Token<'_>| match token {
            Token::Word(_) => true,
            Token::Command(name) => matches!(*name, "pi" | "sqrt" | "frac") || is_greek(name),
            _ => false,
        };
        while self.peek().is_some_and(goes_on) {
            factors.push(self.power()?);
        }
        let node = super::product_of(factors);
        Ok(if negative { Node::Negative(Box::new(node)) } else { node })
    }

    /// What follows an opening bracket. One item in round brackets is itself.
    pub(super) fn brackets(&mut self, open: char) -> Result<Node, Stop> {
        self.deeper(|parser| {
            if let Some(close) = parser.closing(open) {
                return Ok(Node::Bracketed(open, close, Vec::new()));
            }
            if open == '{' && parser.set_builder() {
                return parser.condition();
            }
            let items = match parser.list()? {
                Node::List(items) => items,
                single => vec![single],
            };
            let close = parser.closing(open).ok_or(Stop::Beyond)?;
            if open == '[' && items.len() == 1 {
                parser.single_in_square_brackets()?;
            }
            match (open, close, items.len()) {
                ('(', ')', 1) => items.into_iter().next().ok_or(Stop::Beyond),
                _ => Ok(Node::Bracketed(open, close, items)),
            }
        })
    }

    fn closing(&mut self, open: char) -> Option<char> {
        let close = match (open, self.peek()?) {
            ('(' | '[', Token::Mark(close @ (')' | ']'))) => *close,
            ('{', Token::Command("}")) => '}',
            ('<', Token::Command("rangle") | Token::Mark('>')) => '>',
            _ => return None,
        };
        self.at += 1;
        Some(close)
    }

    /// Braces group; with commas inside they were meant as a set; `{a \over b}` is a fraction.
    fn group(&mut self) -> Result<Node, Stop> {
        self.deeper(|parser| {
            let mut node = parser.list()?;
            if parser.take(&Token::Command("over")) {
                node = Node::Quotient(Box::new(node), Box::new(parser.sum()?));
            } else if parser.take(&Token::Command("choose")) {
                node = Node::Call("binomial".into(), vec![node, parser.sum()?]);
            }
            parser.expect('}')?;
            Ok(match node {
                Node::List(items) => Node::Bracketed('{', '}', items),
                node => node,
            })
        })
    }

    /// What TeX takes as one argument: a group, one digit, one letter or one command.
    pub(super) fn argument(&mut self) -> Result<Node, Stop> {
        if self.take(&Token::Mark('{')) {
            return self.group();
        }
        match self.peek() {
            Some(Token::Number(literal)) if literal.is_plain_integer() && literal.digits.len() > 1 => {
                let (first, rest) = literal.digits.split_at(1);
                let (first, rest) = (Node::number(first), Literal::plain(rest));
                self.lexemes[self.at].token = Token::Number(rest);
                Ok(first)
            }
            Some(Token::Number(_) | Token::Word(_) | Token::Command(_) | Token::Mark('(')) => {
                self.deeper(Self::atom)
            }
            _ => Err(Stop::Beyond),
        }
    }
}

/// `\sin^{-1} x` is the arcsine.
fn inverse_function(name: &str, power: &Node, call: Node) -> Result<Node, Stop> {
    let (Node::Call(_, arguments), true) = (call, *power == Node::number(1)) else {
        return Err(Stop::Beyond);
    };
    let inverse = match name {
        "sin" => "arcsin",
        "cos" => "arccos",
        "tan" => "arctan",
        "cot" => "arccot",
        "sec" => "arcsec",
        "csc" => "arccsc",
        "sinh" => "arsinh",
        "cosh" => "arcosh",
        "tanh" => "artanh",
        _ => return Err(Stop::Beyond),
    };
    Ok(Node::Call(inverse.into(), arguments))
}

fn is_name(node: &Node) -> bool {
    matches!(node, Node::Symbol(_))
}

/// `AB`: points by their capitals.
pub fn is_segment(node: &Node) -> bool {
    let is_point = |node: &Node| matches!(node, Node::Symbol(name) if name.bytes().all(|byte| byte.is_ascii_uppercase()));
    match node {
        Node::Product(items) => items.len() > 1 && items.iter().all(is_point),
        node => is_point(node),
    }
}

fn has_number(node: &Node) -> bool {
    match node {
        Node::Number(_) | Node::Constant(_) => true,
        Node::Product(items) | Node::Sum(items) => items.iter().any(has_number),
        Node::Negative(inner) => has_number(inner),
        _ => false,
    }
}

/// Both plain integers, the first one smaller.
fn proper(top: &Node, bottom: &Node) -> bool {
    let (Node::Number(top), Node::Number(bottom)) = (top, bottom) else { return false };
    let digits = |literal: &Literal| literal.digits.trim_start_matches('0').to_owned();
    let (small, large) = (digits(top), digits(bottom));
    top.is_plain_integer()
        && bottom.is_plain_integer()
        && (small.len(), small.as_str()) < (large.len(), large.as_str())
}
