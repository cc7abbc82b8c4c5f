//! Intervals with outward brackets: `]2,5[` is `(2,5)`.

use crate::answer::lex::{Lexeme, Token};

/// Rewrites outward brackets as round ones, where they can be nothing else.
pub fn turn(lexemes: &mut [Lexeme<'_>]) {
    if !lexemes.iter().any(|lexeme| lexeme.token == Token::Mark('[') || lexeme.token == Token::Mark(']')) {
        return;
    }
    let mut open: Option<usize> = None;
    let mut separated = false;
    for at in 0..lexemes.len() {
        match (&lexemes[at].token, open) {
            (Token::Mark('['), None) => (open, separated) = (Some(at), false),
            // Nothing is open: this bracket opens.
            (Token::Mark(']'), None) if starts_here(lexemes, at) => {
                lexemes[at].token = Token::Mark('(');
                (open, separated) = (Some(at), false);
            }
            (Token::Mark('['), Some(_)) if separated && ends_here(lexemes, at) => {
                lexemes[at].token = Token::Mark(')');
                open = None;
            }
            (Token::Mark('['), Some(_)) => return,
            (Token::Mark(']' | ')'), Some(_)) if separated => open = None,
            (Token::Mark(',' | ';'), Some(_)) => separated = true,
            (Token::Mark('('), None) if interval_opens(lexemes, at) => (open, separated) = (Some(at), false),
            _ => {}
        }
    }
}

/// Whether a round bracket is closed by an outward one: `(2,5[`.
fn interval_opens(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    let rest = lexemes[at + 1..].iter().find_map(|lexeme| match lexeme.token {
        Token::Mark(mark @ ('(' | ')' | '[' | ']')) => Some(mark),
        _ => None,
    });
    rest == Some('[')
}

fn starts_here(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    at == 0
        || matches!(
            lexemes[at - 1].token,
            Token::Mark('=' | ',' | ';' | '{')
                | Token::Command("in" | "cup" | "cap" | "setminus" | "backslash")
                | Token::Word("U")
        )
}

fn ends_here(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    match lexemes.get(at + 1).map(|lexeme| &lexeme.token) {
        None => true,
        Some(token) => matches!(
            token,
            Token::Mark(',' | ';' | '}')
                | Token::Command("cup" | "cap" | "setminus" | "backslash")
                | Token::Word("U" | "and" | "or")
                | Token::Text(_)
        ),
    }
}
