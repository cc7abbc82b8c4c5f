//! Which runs of letters are functions, variables, connectives or prose.

use super::lex::{Lexeme, Token};

/// Whether a name is that of a function with a bracketed or juxtaposed argument.
pub fn is_function(name: &str) -> bool {
    matches!(
        name,
        "sin"
            | "cos"
            | "tan"
            | "cot"
            | "sec"
            | "csc"
            | "arcsin"
            | "arccos"
            | "arctan"
            | "sinh"
            | "cosh"
            | "tanh"
            | "ln"
            | "log"
            | "lg"
            | "lb"
            | "exp"
            | "gcd"
            | "lcm"
            | "max"
            | "min"
            | "abs"
            | "floor"
            | "arccot"
            | "coth"
            | "sech"
            | "csch"
            | "cis"
            | "re"
            | "im"
            | "tg"
            | "ctg"
            | "cotg"
            | "cosec"
            | "arctg"
            | "arcctg"
            | "asin"
            | "acos"
            | "atan"
            | "ceil"
            | "ceiling"
            | "conj"
            | "sgn"
            | "arsinh"
            | "arcosh"
            | "artanh"
            | "arcsinh"
            | "arccosh"
            | "arctanh"
            | "arcsec"
            | "arccsc"
            | "det"
    )
}

/// The name by which a function is known further on.
pub fn canonical_function(name: &str) -> &str {
    match name {
        "tg" => "tan",
        "ctg" | "cotg" => "cot",
        "cosec" => "csc",
        "arctg" | "atan" => "arctan",
        "arcctg" => "arccot",
        "asin" => "arcsin",
        "acos" => "arccos",
        "ceil" => "ceiling",
        "conj" => "conjugate",
        "arcsinh" => "arsinh",
        "arccosh" => "arcosh",
        "arctanh" => "artanh",
        name => name,
    }
}

/// Whether a letter has this command.
pub fn is_greek(name: &str) -> bool {
    matches!(
        name,
        "alpha"
            | "beta"
            | "gamma"
            | "delta"
            | "epsilon"
            | "theta"
            | "lambda"
            | "mu"
            | "phi"
            | "rho"
            | "sigma"
            | "tau"
            | "omega"
            | "ell"
            | "eta"
            | "zeta"
            | "kappa"
            | "nu"
            | "xi"
            | "chi"
            | "psi"
            | "iota"
            | "Gamma"
            | "Delta"
            | "Theta"
            | "Lambda"
            | "Sigma"
            | "Phi"
            | "Psi"
            | "Omega"
            | "Xi"
    )
}

/// Two-letter words that are language in either case, not products of two variables.
const SHORT_WORDS: [&str; 30] = [
    "no", "or", "up", "is", "to", "in", "if", "at", "it", "of", "on", "so", "we", "by", "as", "an", "am",
    "be", "do", "go", "he", "me", "my", "us", "ok", "pm", "st", "nd", "rd", "th",
];

/// Counts as words, each at its value.
const COUNTS: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// The value of a count in words.
pub fn count_in_words(word: &str) -> Option<usize> {
    COUNTS.iter().position(|count| *count == word)
}

/// Whether a run of letters reads as a product of variables: one or two letters, or an alphabetical run such as `xyz`.
pub fn is_product(word: &str) -> bool {
    let ascending = word.as_bytes().windows(2).all(|pair| pair[0] < pair[1]);
    match word.len() {
        0 | 1 => true,
        2 => !SHORT_WORDS.contains(&word.to_lowercase().as_str()) && super::units::find(word).is_none(),
        3 | 4 => ascending && word.bytes().all(|byte| byte.is_ascii_lowercase()),
        _ => false,
    }
}

/// Whether a token separates the items of a list.
pub fn is_separator(token: &Token<'_>) -> bool {
    match token {
        Token::Mark(',' | ';') | Token::Command("land" | "lor") => true,
        Token::Word(word) | Token::Text(word) => matches!(word.trim_matches([',', ' ']), "and" | "or"),
        _ => false,
    }
}

/// The text of an answer that is language only: words and punctuation, at least one word that is no product.
pub fn is_prose(lexemes: &[Lexeme<'_>]) -> Option<String> {
    let mut text = String::new();
    let mut has_word = false;
    for lexeme in lexemes {
        if lexeme.spaced && !text.is_empty() {
            text.push(' ');
        }
        match &lexeme.token {
            Token::Text(words) => {
                has_word = true;
                text.push_str(words);
            }
            Token::Word(word) => {
                let name = is_function(word)
                    || matches!(*word, "pi" | "sqrt" | "inf" | "infty" | "infinity" | "Infinity");
                if name {
                    return None;
                }
                has_word |= !is_product(word);
                text.push_str(word);
            }
            Token::Mark(mark @ ('(' | ')' | '-' | '\'' | ',' | '"' | '.' | '?' | '!' | ';' | '{' | '}')) => {
                text.push(*mark);
            }
            _ => return None,
        }
    }
    // Connectives alone make a list of variables: `x and y`.
    let connected = lexemes.iter().filter(|lexeme| !is_separator(&lexeme.token));
    let only_connectives = connected.clone().all(|lexeme| match lexeme.token {
        Token::Word(word) => is_product(word),
        Token::Text(_) => false,
        _ => true,
    });
    (has_word && !only_connectives).then_some(text)
}
