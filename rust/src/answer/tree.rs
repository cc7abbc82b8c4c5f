//! The typed tree an answer is parsed to, and its export for another process.

use super::units::Unit;
use compact_str::{CompactString, ToCompactString};
use std::fmt::Write;

/// A number as printed: `digits[.fraction][(repeating)]` times ten to the `exponent`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Literal {
    /// Integer part without separators; empty in `.5`.
    pub digits: CompactString,
    /// What follows the point, if there is a point; boxed, as most numbers are whole and every node has room for one.
    pub decimals: Option<Box<Decimals>>,
    /// From `1.5e8`.
    pub exponent: i32,
}

/// What follows the point of a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimals {
    /// Digits that stand once.
    pub fraction: CompactString,
    /// Digits under `\overline`, repeated for ever.
    pub repeating: Option<CompactString>,
}

impl Literal {
    /// Digits only.
    pub fn plain(digits: impl Into<CompactString>) -> Self {
        Self { digits: digits.into(), ..Self::default() }
    }
}

/// A named number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant {
    /// The circle's.
    Pi,
    /// Euler's.
    E,
    /// The imaginary unit.
    I,
    /// Unsigned infinity.
    Infinity,
}

/// How two sides are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Approximately,
}

impl Relation {
    /// The same relation read from right to left; `In` has none.
    pub fn reversed(self) -> Option<Self> {
        Some(match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            Self::In | Self::NotIn => return None,
            same => same,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessEqual => "le",
            Self::Greater => "gt",
            Self::GreaterEqual => "ge",
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Approximately => "approx",
        }
    }
}

/// One parsed answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Node {
    Number(Literal),
    Symbol(CompactString),
    Constant(Constant),
    Text(String),
    Negative(Box<Node>),
    Sum(Vec<Node>),
    Product(Vec<Node>),
    Quotient(Box<Node>, Box<Node>),
    Power(Box<Node>, Box<Node>),
    /// Radicand, degree.
    Root(Box<Node>, Box<Node>),
    /// `left ± right`; a missing left is 0.
    PlusMinus(Option<Box<Node>>, Box<Node>),
    /// A named function of its arguments: `sin`, `log` (argument, base), `factorial`, `binomial`, `abs`, ...
    Call(CompactString, Vec<Node>),
    Percent(Box<Node>),
    Measured(Box<Node>, Box<Unit>),
    /// Bracket characters as written; `<` and `>` for angle brackets, `{` for sets.
    Bracketed(char, char, Vec<Node>),
    /// Items without brackets.
    List(Vec<Node>),
    /// A chain: one more side than relations.
    Chain(Vec<Node>, Vec<Relation>),
}

impl Node {
    /// A whole number, or the digits of one.
    #[expect(clippy::needless_pass_by_value, reason = "numbers are passed as they are")]
    pub fn number(digits: impl ToCompactString) -> Self {
        Self::Number(Literal::plain(digits.to_compact_string()))
    }

    /// The tree as a JSON s-expression, for example `["sum",["num","1","2"],["sym","x"]]`.
    ///
    /// A number is its reduced-or-not numerator and denominator, so the reader builds it without parsing mathematics.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Whether it is made of numbers only.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Number(_) | Self::Constant(_) => true,
            Self::Negative(inner) | Self::Percent(inner) | Self::Measured(inner, _) => inner.is_constant(),
            Self::Sum(items) | Self::Product(items) => items.iter().all(Self::is_constant),
            Self::Call(name, items) => {
                !items.is_empty() && name.len() > 1 && items.iter().all(Self::is_constant)
            }
            Self::Quotient(left, right) | Self::Power(left, right) | Self::Root(left, right) => {
                left.is_constant() && right.is_constant()
            }
            _ => false,
        }
    }

    /// The names of its variables, as often as they occur.
    pub fn symbols<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Symbol(name) => names.push(name),
            Self::Number(_) | Self::Constant(_) | Self::Text(_) => {}
            Self::Negative(inner) | Self::Percent(inner) | Self::Measured(inner, _) => inner.symbols(names),
            Self::PlusMinus(left, right) => {
                if let Some(left) = left {
                    left.symbols(names);
                }
                right.symbols(names);
            }
            Self::Quotient(left, right) | Self::Power(left, right) | Self::Root(left, right) => {
                left.symbols(names);
                right.symbols(names);
            }
            Self::Sum(items)
            | Self::Product(items)
            | Self::Call(_, items)
            | Self::Bracketed(_, _, items)
            | Self::List(items)
            | Self::Chain(items, _) => items.iter().for_each(|item| item.symbols(names)),
        }
    }

    /// With i as a variable, such as the index of a sum.
    #[must_use]
    pub fn with_symbol_i(self) -> Self {
        let all = |nodes: Vec<Self>| nodes.into_iter().map(Self::with_symbol_i).collect();
        let one = |node: Box<Self>| Box::new(node.with_symbol_i());
        match self {
            Self::Constant(Constant::I) => Self::Symbol("i".into()),
            Self::Negative(inner) => Self::Negative(one(inner)),
            Self::Percent(inner) => Self::Percent(one(inner)),
            Self::Sum(items) => Self::Sum(all(items)),
            Self::Product(items) => Self::Product(all(items)),
            Self::Call(name, items) => Self::Call(name, all(items)),
            Self::Quotient(left, right) => Self::Quotient(one(left), one(right)),
            Self::Power(left, right) => Self::Power(one(left), one(right)),
            Self::Root(left, right) => Self::Root(one(left), one(right)),
            node => node,
        }
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Number(literal) => {
                let (numerator, denominator) = literal.ratio_digits();
                list(out, "num", &[], |out| {
                    string(out, &numerator);
                    out.push(',');
                    string(out, &denominator);
                });
            }
            Self::Symbol(name) => list(out, "sym", &[], |out| string(out, name)),
            Self::Constant(constant) => list(out, "const", &[], |out| {
                string(
                    out,
                    match constant {
                        Constant::Pi => "pi",
                        Constant::E => "e",
                        Constant::I => "i",
                        Constant::Infinity => "infinity",
                    },
                );
            }),
            Self::Text(text) => list(out, "text", &[], |out| string(out, text)),
            Self::Negative(inner) => list(out, "neg", &[inner], |_| {}),
            Self::Sum(items) => list(out, "sum", &refs(items), |_| {}),
            Self::Product(items) => list(out, "product", &refs(items), |_| {}),
            Self::Quotient(top, bottom) => list(out, "quotient", &[top, bottom], |_| {}),
            Self::Power(base, exponent) => list(out, "power", &[base, exponent], |_| {}),
            Self::Root(radicand, degree) => list(out, "root", &[radicand, degree], |_| {}),
            Self::PlusMinus(None, right) => list(out, "plusminus", &[right], |_| {}),
            Self::PlusMinus(Some(left), right) => list(out, "plusminus", &[left, right], |_| {}),
            Self::Percent(inner) => list(out, "percent", &[inner], |_| {}),
            Self::Measured(inner, unit) => {
                list(out, "measured", &[inner], |out| string(out, &unit.name));
            }
            Self::Call(name, arguments) => {
                list(out, "call", &refs(arguments), |out| string(out, name));
            }
            Self::Bracketed(open, close, items) => list(out, "bracketed", &refs(items), |out| {
                string(out, &format!("{open}{close}"));
            }),
            Self::List(items) => list(out, "list", &refs(items), |_| {}),
            Self::Chain(sides, relations) => list(out, "chain", &refs(sides), |out| {
                let names: Vec<_> = relations.iter().map(|relation| relation.name()).collect();
                string(out, &names.join(" "));
            }),
        }
    }
}

fn refs(items: &[Node]) -> Vec<&Node> {
    items.iter().collect()
}

/// `["tag",<own>,<children>]`; what a node says of itself comes before its children.
fn list(out: &mut String, tag: &str, children: &[&Node], own: impl FnOnce(&mut String)) {
    out.push_str("[\"");
    out.push_str(tag);
    out.push('"');
    let before = out.len();
    out.push(',');
    own(out);
    if out.len() == before + 1 {
        out.pop();
    }
    for child in children {
        out.push(',');
        child.write_json(out);
    }
    out.push(']');
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii() && !c.is_ascii_control() => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
