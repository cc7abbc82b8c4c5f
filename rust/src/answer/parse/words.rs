//! Answers that are read as a whole before they are parsed: times of day.

use crate::answer::lex::{Lexeme, Token, lex};
use crate::answer::tree::Node;

/// `7:30 PM`, `12 noon`, `\text{4:30 p.m.}`: minutes after midnight, and as said. None without the half of the day.
pub fn clock(lexemes: &[Lexeme<'_>]) -> Option<Node> {
    if let [Lexeme { token: Token::Text(words), .. }] = lexemes {
        return match words.to_ascii_lowercase().as_str() {
            "noon" => time(12, 0, "noon"),
            "midnight" => time(12, 0, "midnight"),
            words if words.starts_with(|first: char| first.is_ascii_digit()) => {
                clock(&lex(words, false, false).ok()?.lexemes)
            }
            _ => None,
        };
    }
    let number = |at: usize| match lexemes.get(at).map(|lexeme| &lexeme.token) {
        Some(Token::Number(literal)) if literal.is_plain_integer() => literal.digits.parse::<u32>().ok(),
        _ => None,
    };
    let hour = number(0).filter(|hour| (1..=12).contains(hour))?;
    let (minute, rest) = match (lexemes.get(1).map(|lexeme| &lexeme.token), number(2)) {
        (Some(Token::Mark(':')), Some(minute)) => (minute, 3),
        _ => (0, 1),
    };
    let mut half = String::new();
    for lexeme in lexemes.get(rest..)? {
        match &lexeme.token {
            Token::Word(word) | Token::Text(word) => half.push_str(word),
            Token::Mark('.' | '{' | '}') => {}
            _ => return None,
        }
    }
    let half: String = half.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    time(hour, minute, half.strip_prefix("oclock").unwrap_or(&half))
}

fn time(hour: u32, minute: u32, half: &str) -> Option<Node> {
    let afternoon = match half {
        "am" | "inthemorning" => false,
        "pm" | "intheafternoon" | "intheevening" => true,
        "noon" | "midnight" if (hour, minute) == (12, 0) => half == "noon",
        _ => return None,
    };
    let minutes = (hour % 12 + if afternoon { 12 } else { 0 }) * 60 + minute;
    (minute < 60)
        .then(|| Node::Call("clock".into(), vec![Node::number(minutes), Node::number(hour * 60 + minute)]))
}

/// `April 1, 2024`, `Room 5`: words and whole numbers that begin or end with a word of three letters or more.
pub fn with_numbers(lexemes: &[Lexeme<'_>]) -> Option<String> {
    let is_word = |lexeme: &Lexeme<'_>| match lexeme.token {
        Token::Word(word) | Token::Text(word) => {
            word.len() > 2
                && word.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | ',' | '.' | '\''))
                && crate::answer::units::find(word).is_none()
        }
        _ => false,
    };
    if !is_word(lexemes.first()?) && !is_word(lexemes.last()?) {
        return None;
    }
    let mut text = String::new();
    for lexeme in lexemes {
        match &lexeme.token {
            Token::Word(word) | Token::Text(word) => text.push_str(word),
            Token::Number(literal) if literal.is_plain_integer() => text.push_str(&literal.digits),
            Token::Mark(mark @ (',' | '.' | '\'' | '-')) => text.push(*mark),
            _ => return None,
        }
        text.push(' ');
    }
    Some(text.trim_end().to_owned())
}

/// A word that multiplies the number before it, and the words after it: `million dollars`.
pub fn scale(words: &str) -> Option<(Node, &str)> {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    let digits = match first {
        "dozen" => "12",
        "hundred" => "100",
        "thousand" => "1000",
        "million" => "1000000",
        "billion" => "1000000000",
        "trillion" => "1000000000000",
        _ => return None,
    };
    Some((Node::number(digits), rest.trim_start()))
}

/// What comes between a family and what its parameter may be: `\text{ for } k\in\mathbb{Z}`, `\text{where } k ...`.
pub fn introduces_parameter(token: &Token<'_>) -> bool {
    declares_integers(token)
        || quantifies(token)
        || matches!(
            token,
            Token::Word("for" | "where")
                | Token::Text(
                    "for"
                        | "where"
                        | "with"
                        | "for all"
                        | "for any"
                        | "for some"
                        | "for every"
                        | ", where"
                        | "for each"
                )
        )
}

/// `\text{for all positive integers } n`, `\text{for some constant } c`
pub fn quantifies(token: &Token<'_>) -> bool {
    let Token::Text(words) = token else { return false };
    let words = words.trim_start_matches([',', ' ']);
    !declares_integers(token)
        && ["for all", "for any", "for every", "for each", "for some", "for a "]
            .iter()
            .any(|start| words.starts_with(start))
}

/// `\text{for integer } k`
pub fn declares_integers(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Text(
            "for integer"
                | "for integers"
                | "for any integer"
                | "for all integers"
                | "for every integer"
                | "for some integer"
                | "for an integer"
                | "for each integer"
        )
    )
}

/// `k \text{ is an integer}`
pub fn says_integer(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Text(
            "is an integer" | "is any integer" | "an integer" | "any integer" | "integer" | "is integer"
        )
    )
}
