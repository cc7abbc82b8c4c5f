//! Answers that are read as a whole before they are parsed: times of day.

use crate::answer::lex::{Lexeme, Token};
use crate::answer::tree::{Literal, Node};

/// `7:30 PM`: minutes after midnight, with the half of the day it was said with. None without one.
pub fn clock(lexemes: &[Lexeme<'_>]) -> Option<Node> {
    let number = |at: usize| match lexemes.get(at).map(|lexeme| &lexeme.token) {
        Some(Token::Number(literal)) if literal.is_plain_integer() => literal.digits.parse::<u32>().ok(),
        _ => None,
    };
    let hour = number(0).filter(|hour| (1..=12).contains(hour))?;
    let (minute, mut rest) = match (lexemes.get(1).map(|lexeme| &lexeme.token), number(2)) {
        (Some(Token::Mark(':')), Some(minute)) => (minute, 3),
        _ => (0, 1),
    };
    let mut half = String::new();
    while let Some(lexeme) = lexemes.get(rest) {
        match &lexeme.token {
            Token::Word(word) | Token::Text(word) => half.push_str(word),
            Token::Mark('.' | '{' | '}') => {}
            _ => return None,
        }
        rest += 1;
    }
    let half: String = half.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    let afternoon = match half.as_str() {
        "am" => false,
        "pm" => true,
        _ => return None,
    };
    let minutes = (hour % 12 + if afternoon { 12 } else { 0 }) * 60 + minute;
    let literal = |value: u32| Node::Number(Literal { digits: value.to_string(), ..Literal::default() });
    (minute < 60).then(|| Node::Call("clock".to_owned(), vec![literal(minutes), literal(hour * 60 + minute)]))
}
