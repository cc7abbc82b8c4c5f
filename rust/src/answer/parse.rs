//! Reads a normalised answer into a [`Node`]. Recursive descent over brackets, with their depth bounded.
//!
//! Juxtaposition multiplies and binds like `*` and `/`, from left to right: `1/2x` is `(1/2)x`. A sign binds less tightly
//! than a power: `-2^2` is -4. An integer directly before a proper fraction is a mixed number.

use super::compare::Policy;
use super::lex::{Lexeme, Token, lex};
use super::limits::{MAX_DEPTH, MAX_LINKS, READS_PER_TOKEN, Stop};
use super::names::{is_prose, is_separator};
use super::tree::{Node, Relation};

mod atoms;
mod brackets;
mod counting;
mod definitions;
mod matrices;
mod measures;
mod reversed;
mod sets;
mod words;

pub use atoms::is_segment;
pub use definitions::derivative_name;
pub use sets::{CYCLIC, is_group};

/// A parsed answer.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The reading with bare commas as thousands separators where they fit.
    pub tree: Node,
    /// The reading with every bare comma as a list separator, where it differs.
    pub as_list: Option<Node>,
}

/// Parses text that [`super::normalize::normalize`] returned, under the default policy.
pub fn parse(normalized: &str) -> Result<Parsed, Stop> {
    parse_under(normalized, Policy::default())
}

/// Parses text that [`super::normalize::normalize`] returned.
pub fn parse_under(normalized: &str, policy: Policy) -> Result<Parsed, Stop> {
    let lexed = lex(normalized, policy.thousands, policy.decimal_comma)?;
    let grouped = lexed.bare_comma_grouping;
    let tree = read(lexed.lexemes, policy)?;
    let as_list = if grouped { read(lex(normalized, false, false)?.lexemes, policy).ok() } else { None };
    Ok(Parsed { tree, as_list })
}

fn read(lexemes: Vec<Lexeme<'_>>, policy: Policy) -> Result<Node, Stop> {
    let mut lexemes = brackets::without_doubled_brackets(lexemes);
    if let Some(clock) = words::clock(&lexemes) {
        return Ok(clock);
    }
    if let Some(text) = is_prose(&lexemes) {
        return Ok(Node::Text(text));
    }
    let words = words::with_numbers(&lexemes);
    if policy.reversed_brackets {
        reversed::turn(&mut lexemes);
    }
    let reads = lexemes.len() * READS_PER_TOKEN;
    let mut parser = Parser { lexemes, at: 0, depth: 0, in_bars: false, links: 0, reads };
    let read = parser.list();
    match read {
        Ok(node) if parser.peek().is_none() => Ok(node),
        Err(Stop::Beyond) | Ok(_) => words.map(Node::Text).ok_or(Stop::Beyond),
        Err(stop) => Err(stop),
    }
}

struct Parser<'a> {
    lexemes: Vec<Lexeme<'a>>,
    at: usize,
    depth: usize,
    /// Inside bars, where the next one closes.
    in_bars: bool,
    /// Operators that put a tree as deep as they are many: `a/b/c`, `5%%`.
    links: usize,
    /// Tokens that may still be read: notations that are tried in turn read some again.
    reads: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.lexemes.get(self.at).map(|lexeme| &lexeme.token)
    }

    fn peek_after(&self, distance: usize) -> Option<&Token<'a>> {
        self.lexemes.get(self.at + distance).map(|lexeme| &lexeme.token)
    }

    fn spaced(&self) -> bool {
        self.lexemes.get(self.at).is_some_and(|lexeme| lexeme.spaced)
    }

    fn next(&mut self) -> Result<Token<'a>, Stop> {
        let lexeme = self.lexemes.get(self.at).ok_or(Stop::Beyond)?;
        self.reads = self.reads.checked_sub(1).ok_or(Stop::Limit)?;
        self.at += 1;
        Ok(lexeme.token.clone())
    }

    fn take(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Result<(), Stop> {
        if self.take(&Token::Mark(mark)) { Ok(()) } else { Err(Stop::Beyond) }
    }

    /// One level of brackets deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth == MAX_DEPTH {
            return Err(Stop::Limit);
        }
        self.depth += 1;
        let bars = std::mem::take(&mut self.in_bars);
        let result = read(self);
        self.in_bars = bars;
        self.depth -= 1;
        result
    }

    /// Counts an operator that makes the tree one deeper.
    fn link(&mut self) -> Result<(), Stop> {
        self.links += 1;
        if self.links > MAX_LINKS { Err(Stop::Limit) } else { Ok(()) }
    }

    /// Items separated by commas, semicolons, "and", "or"; one item is itself.
    fn list(&mut self) -> Result<Node, Stop> {
        let first = self.chain()?;
        let separates = |token: &Token<'_>| is_separator(token) || words::introduces_parameter(token);
        if !self.peek().is_some_and(separates) {
            return Ok(first);
        }
        let mut items = vec![first];
        let mut connectives = Vec::new();
        loop {
            let before = self.at;
            let mut connective = None;
            while let Some(token) = self.peek().filter(|token| separates(token)) {
                connective = sets::connective(token).or(connective);
                self.at += 1;
            }
            // A last separator before the closing brace separates nothing: `\{1,2,\}`.
            if self.at == before || self.peek() == Some(&Token::Command("}")) {
                break;
            }
            let declared = words::declares_integers(&self.lexemes[self.at - 1].token);
            let quantified = words::quantifies(&self.lexemes[self.at - 1].token);
            let item = self.chain()?;
            // `f(x) = 2x \text{ for all } x` says no more than `f(x) = 2x`.
            if quantified && sets::is_any_real(&item) {
                continue;
            }
            connectives.push(connective);
            items.push(if declared { sets::in_integers(item) } else { item });
        }
        if items.len() == 1 {
            return Ok(items.swap_remove(0));
        }
        Ok(match sets::joins_relations(&connectives, &items) {
            Some(connective) => Node::Call(connective.into(), items),
            None => Node::List(items),
        })
    }

    fn chain(&mut self) -> Result<Node, Stop> {
        // `\approx 3.14` and `= 5` leave out what they speak of.
        if self.at == 0 && matches!(self.peek(), Some(Token::Command("approx") | Token::Mark('='))) {
            self.at += 1;
        }
        if let Some(name) = self.words_before_value() {
            return Ok(Node::Chain(vec![name, self.set()?], vec![Relation::Equal]));
        }
        let first = self.set()?;
        if matches!(self.peek(), None | Some(Token::Mark(',' | ')' | ']' | '}' | ';'))) {
            return Ok(first);
        }
        let mut sides = vec![first];
        let mut relations = Vec::new();
        if let Some(congruence) = self.congruence(&sides[0])? {
            return Ok(congruence);
        }
        if self.peek().is_some_and(words::says_integer) {
            self.at += 1;
            return Ok(sets::in_integers(sides.swap_remove(0)));
        }
        while let Some(relation) = self.relation() {
            self.link()?;
            relations.push(relation);
            sides.push(self.set()?);
        }
        Ok(if relations.is_empty() { sides.swap_remove(0) } else { Node::Chain(sides, relations) })
    }

    fn relation(&mut self) -> Option<Relation> {
        let or_equal = self.peek_after(1) == Some(&Token::Mark('='));
        let (relation, length) = match self.peek()? {
            Token::Mark('=') if or_equal => (Relation::Equal, 2),
            Token::Mark('=') => (Relation::Equal, 1),
            Token::Mark('<') if or_equal => (Relation::LessEqual, 2),
            Token::Mark('>') if or_equal => (Relation::GreaterEqual, 2),
            Token::Mark('!') if or_equal => (Relation::NotEqual, 2),
            Token::Mark('<') => (Relation::Less, 1),
            Token::Mark('>') => (Relation::Greater, 1),
            Token::Command("le") => (Relation::LessEqual, 1),
            Token::Command("ge") => (Relation::GreaterEqual, 1),
            Token::Command("ne") => (Relation::NotEqual, 1),
            Token::Command("in") => (Relation::In, 1),
            Token::Command("notin") => (Relation::NotIn, 1),
            Token::Command("approx") => (Relation::Approximately, 1),
            _ => return None,
        };
        self.at += length;
        Some(relation)
    }

    fn sum(&mut self) -> Result<Node, Stop> {
        let mut terms = Vec::new();
        let mut node = match self.sign() {
            Sign::PlusMinus => Node::PlusMinus(None, Box::new(self.product()?)),
            Sign::Minus => Node::Negative(Box::new(self.product()?)),
            Sign::Plus | Sign::None => self.product()?,
        };
        loop {
            match self.sign() {
                Sign::None => break,
                Sign::PlusMinus => {
                    self.link()?;
                    terms.push(node);
                    node = Node::PlusMinus(Some(Box::new(sum_of(terms))), Box::new(self.product()?));
                    terms = Vec::new();
                }
                Sign::Plus => terms.push(std::mem::replace(&mut node, self.product()?)),
                Sign::Minus => {
                    let next = Node::Negative(Box::new(self.product()?));
                    terms.push(std::mem::replace(&mut node, next));
                }
            }
        }
        if terms.is_empty() {
            return Ok(node);
        }
        terms.push(node);
        Ok(sum_of(terms))
    }

    /// A run of signs, folded.
    fn sign(&mut self) -> Sign {
        let mut sign = Sign::None;
        loop {
            let next = match self.peek() {
                Some(Token::Mark('+')) => Sign::Plus,
                Some(Token::Mark('-')) => Sign::Minus,
                Some(Token::Command("pm" | "mp")) => Sign::PlusMinus,
                _ => return sign,
            };
            self.at += 1;
            sign = match (sign, next) {
                (Sign::PlusMinus, _) | (_, Sign::PlusMinus) => Sign::PlusMinus,
                (Sign::Minus, Sign::Minus) => Sign::Plus,
                (Sign::Minus, _) | (_, Sign::Minus) => Sign::Minus,
                _ => Sign::Plus,
            };
        }
    }

    fn product(&mut self) -> Result<Node, Stop> {
        let mut currency = self.currency();
        let first = self.factor()?;
        if currency.is_none() && self.peek().is_none_or(ends_product) {
            return Ok(first);
        }
        let mut factors = vec![first];
        let mut folded = false;
        loop {
            let before = factors.len();
            if let Some(rate) = currency.as_ref().and_then(|currency| self.rate(currency)) {
                currency = Some(rate);
                break;
            }
            match self.peek() {
                Some(Token::Mark('*') | Token::Command("times" | "cdot")) => {
                    self.at += 1;
                    factors.push(self.factor()?);
                }
                Some(Token::Command("oplus")) if factors.last().is_some_and(sets::is_group) => {
                    self.at += 1;
                    factors.push(self.factor()?);
                }
                Some(_) if self.divides() => {
                    self.at += 1;
                    let divisor = self.factor()?;
                    let (top, bottom) = (product_of(factors), brackets::grouping(divisor));
                    factors = vec![Node::Quotient(Box::new(brackets::grouping(top)), Box::new(bottom))];
                }
                Some(Token::Command("bmod" | "mod") | Token::Word("mod")) => {
                    self.at += 1;
                    let modulus = self.factor()?;
                    factors = vec![Node::Call("mod".into(), vec![product_of(factors), modulus])];
                }
                Some(Token::Mark(':') | Token::Text("to") | Token::Word("to")) => {
                    self.at += 1;
                    let right = self.ratio_part()?;
                    let parts = match product_of(factors) {
                        Node::Call(name, parts) if name == "ratio" => [parts, vec![right]].concat(),
                        left => vec![left, right],
                    };
                    factors = vec![Node::Call("ratio".into(), parts)];
                }
                Some(Token::Mark('%') | Token::Text("percent") | Token::Word("percent")) => {
                    self.at += 1;
                    factors = vec![Node::Percent(Box::new(product_of(factors)))];
                }
                Some(Token::Word(word) | Token::Text(word)) if words::scale(word).is_some() => {
                    let (scale, unit) = words::scale(word).ok_or(Stop::Beyond)?;
                    factors.push(scale);
                    // `\text{million dollars}`
                    match unit {
                        "" => self.at += 1,
                        unit => self.lexemes[self.at].token = Token::Text(unit),
                    }
                }
                Some(token) if self.unit(token).is_some() => {
                    factors = vec![self.measured(product_of(factors))?];
                }
                Some(_) if self.at_factor() => factors.push(self.power()?),
                _ => break,
            }
            // Whatever did not add a factor has put the ones before it one level down.
            if factors.len() <= before {
                if folded {
                    self.link()?;
                }
                folded = true;
            }
        }
        let node = product_of(factors);
        Ok(match currency {
            // `$5 dollars` names its unit twice.
            Some(_) if matches!(node, Node::Measured(..)) => node,
            Some(unit) => Node::Measured(Box::new(node), Box::new(unit)),
            None => node,
        })
    }

    /// What follows a colon, up to an operator: `2\sqrt{3}`.
    fn ratio_part(&mut self) -> Result<Node, Stop> {
        let mut factors = vec![self.factor()?];
        while self.at_factor() && self.peek().is_none_or(|token| self.unit(token).is_none()) {
            factors.push(self.power()?);
        }
        Ok(product_of(factors))
    }

    /// A factor after an explicit operator may carry signs.
    fn factor(&mut self) -> Result<Node, Stop> {
        match self.sign() {
            Sign::PlusMinus => Err(Stop::Beyond),
            Sign::Minus => Ok(Node::Negative(Box::new(self.power()?))),
            Sign::Plus | Sign::None => self.power(),
        }
    }

    /// Whether juxtaposition goes on here. A number continues a product only after a bracket: `2 3` is a mistake.
    fn at_factor(&self) -> bool {
        match self.peek() {
            Some(Token::Number(_)) => {
                let before = &self.lexemes[self.at - 1].token;
                self.spaced() && matches!(before, Token::Mark('}' | ')')) || *before == Token::Mark('!')
            }
            Some(Token::Word("U")) if self.union_letter() => false,
            Some(Token::Word("mod")) => false,
            Some(Token::Word(word)) => !is_separator(&Token::Word(word)),
            Some(Token::Command(name)) => atoms::starts_atom(name),
            Some(Token::Mark('|')) => !self.in_bars,
            Some(Token::Mark('(' | '{' | '[')) => true,
            _ => false,
        }
    }

    fn power(&mut self) -> Result<Node, Stop> {
        let base = self.postfix()?;
        let twice = self.peek() == Some(&Token::Mark('*')) && self.peek_after(1) == Some(&Token::Mark('*'));
        if twice {
            self.at += 2;
        } else if !self.take(&Token::Mark('^')) {
            return Ok(base);
        }
        if let Some(degrees) = self.degree_mark() {
            return self.degrees(base, degrees);
        }
        let exponent = self.deeper(|parser| match parser.sign() {
            Sign::PlusMinus => Err(Stop::Beyond),
            Sign::Minus => Ok(Node::Negative(Box::new(parser.power()?))),
            Sign::Plus | Sign::None => parser.power(),
        })?;
        Ok(Node::Power(Box::new(brackets::grouping(base)), Box::new(exponent)))
    }

    fn postfix(&mut self) -> Result<Node, Stop> {
        let mut node = self.atom()?;
        if matches!(&node, Node::Number(literal) if literal.is_plain_integer())
            && self.take(&Token::Mark('_'))
        {
            return Ok(Node::Call("base".into(), vec![node, self.base()?]));
        }
        while self.peek() == Some(&Token::Mark('!')) && self.peek_after(1) != Some(&Token::Mark('=')) {
            let double = self.peek_after(1) == Some(&Token::Mark('!'));
            self.at += 1 + usize::from(double);
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(Stop::Limit);
            }
            let name = if double { "double_factorial" } else { "factorial" };
            node = Node::Call(name.into(), vec![node]);
        }
        Ok(node)
    }
}

/// Marks that never go on with a product: what most factors stand before.
fn ends_product(token: &Token<'_>) -> bool {
    matches!(token, Token::Mark('+' | '-' | ',' | ')' | ']' | '}' | '=' | '<' | '>' | ';'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Plus,
    Minus,
    PlusMinus,
}

fn sum_of(mut terms: Vec<Node>) -> Node {
    if terms.len() == 1 {
        terms.swap_remove(0)
    } else {
        Node::Sum(terms.into_iter().map(brackets::grouping).collect())
    }
}

fn product_of(mut factors: Vec<Node>) -> Node {
    if factors.len() == 1 {
        factors.swap_remove(0)
    } else {
        Node::Product(factors.into_iter().map(brackets::grouping).collect())
    }
}
