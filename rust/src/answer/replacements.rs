//! The tables of [`super::normalize`]: what a character or a command becomes.

/// What happens to a LaTeX command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Removed; what follows stays, also its braces.
    Drop,
    /// Removed with the brace group after it.
    DropArgument,
    /// Becomes one space.
    Space,
    /// Becomes this text.
    Rename(&'static str),
    /// `\text`-like: its group is words, unless it holds none.
    Words,
}

/// Looks a command up; `name` is without its backslash.
pub fn command(name: &str) -> Option<Action> {
    COMMANDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, action)| *action)
}

const COMMANDS: &[(&[&str], Action)] = &[
    // Size and style change nothing.
    (
        &[
            "left",
            "right",
            "middle",
            "big",
            "Big",
            "bigg",
            "Bigg",
            "bigl",
            "bigr",
            "Bigl",
            "Bigr",
            "biggl",
            "biggr",
            "Biggl",
            "Biggr",
            "displaystyle",
            "textstyle",
            "scriptstyle",
            "limits",
            "nolimits",
            "mathstrut",
            "strut",
            "!",
            "boxed",
            "fbox",
            "mathbf",
            "boldsymbol",
            "bm",
            "bf",
            "rm",
            "it",
            "mathit",
            "mathnormal",
            "mathsf",
            "mathtt",
            "ensuremath",
            "(",
            ")",
            "[",
            "]",
            "underline",
            "dotsc",
            "null",
            "normalsize",
            "large",
            "Large",
            "huge",
            "nonumber",
            "notag",
        ],
        Action::Drop,
    ),
    (
        &["phantom", "hphantom", "vphantom", "hspace", "vspace", "tag", "label", "color", "textcolor"],
        Action::DropArgument,
    ),
    (
        &[
            ",",
            ";",
            ":",
            ">",
            " ",
            "~",
            "quad",
            "qquad",
            "enspace",
            "thinspace",
            "medspace",
            "thickspace",
            "space",
        ],
        Action::Space,
    ),
    (
        &[
            "text",
            "mathrm",
            "mbox",
            "hbox",
            "textrm",
            "textbf",
            "textit",
            "textnormal",
            "textsf",
            "texttt",
            "textup",
            "emph",
            "operatorname",
        ],
        Action::Words,
    ),
    (&["dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"], Action::Rename("\\frac")),
    (&["dbinom", "tbinom"], Action::Rename("\\binom")),
    (&["leq", "leqslant"], Action::Rename("\\le")),
    (&["geq", "geqslant"], Action::Rename("\\ge")),
    (&["neq"], Action::Rename("\\ne")),
    (&["lt"], Action::Rename("<")),
    (&["gt"], Action::Rename(">")),
    (&["ast", "star"], Action::Rename("*")),
    (&["cdotp", "centerdot"], Action::Rename("\\cdot")),
    (&["lbrack"], Action::Rename("[")),
    (&["rbrack"], Action::Rename("]")),
    (&["lparen"], Action::Rename("(")),
    (&["rparen"], Action::Rename(")")),
    (&["lbrace"], Action::Rename("\\{")),
    (&["rbrace"], Action::Rename("\\}")),
    (&["vert", "lvert", "rvert", "mid"], Action::Rename("|")),
    (&["%"], Action::Rename("%")),
    (&["_"], Action::Rename("_")),
    (&["degree", "textdegree"], Action::Rename("^{\\circ}")),
    (&["textdollar"], Action::Rename("\\$")),
    (&["varnothing"], Action::Rename("\\emptyset")),
    (&["arcsin", "asin"], Action::Rename("\\arcsin")),
    (&["varphi"], Action::Rename("\\phi")),
    (&["varepsilon"], Action::Rename("\\epsilon")),
    (&["infin"], Action::Rename("\\infty")),
    (&["dots", "cdots", "dotsb"], Action::Rename("\\ldots")),
    (&["and", "wedge"], Action::Rename("\\land")),
    (&["isin"], Action::Rename("\\in")),
    (&["bar"], Action::Rename("\\overline")),
];

/// What a character outside ASCII becomes; None leaves it. Runs of superscripts and subscripts are handled apart.
pub fn character(c: char) -> Option<&'static str> {
    CHARACTERS.iter().find(|(from, _)| from.contains(c)).map(|(_, to)| *to)
}

const CHARACTERS: &[(&str, &str)] = &[
    // Invisible: zero-width characters, direction marks, soft hyphen, byte-order mark.
    (
        "\u{200B}\u{200C}\u{200D}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{FEFF}\u{AD}",
        "",
    ),
    ("\u{A0}\u{2002}\u{2003}\u{2004}\u{2005}\u{2007}\u{2009}\u{200A}\u{202F}\u{3000}\u{2061}\u{2062}", " "),
    ("\u{2212}\u{2010}\u{2011}\u{2012}\u{2013}\u{FE63}", "-"),
    ("×✕", "\\times "),
    ("·⋅∙•", "\\cdot "),
    ("÷", "\\div "),
    ("∕⁄", "/"),
    ("π𝜋", "\\pi "),
    ("√", "\\sqrt "),
    ("∛", "\\sqrt[3]"),
    ("∞", "\\infty "),
    ("°º", "^{\\circ}"),
    ("≤⩽", "\\le "),
    ("≥⩾", "\\ge "),
    ("≠", "\\ne "),
    ("≈", "\\approx "),
    ("±", "\\pm "),
    ("∓", "\\mp "),
    ("∈", "\\in "),
    ("∪", "\\cup "),
    ("∩", "\\cap "),
    ("∅", "\\emptyset "),
    ("∖", "\\setminus "),
    ("ℝ", "\\mathbb{R}"),
    ("ℤ", "\\mathbb{Z}"),
    ("ℚ", "\\mathbb{Q}"),
    ("⟨〈", "\\langle "),
    ("⟩〉", "\\rangle "),
    ("…⋯", "\\ldots "),
    ("’′", "'"),
    ("“”", "\""),
    ("α", "\\alpha "),
    ("β", "\\beta "),
    ("γ", "\\gamma "),
    ("θ", "\\theta "),
    ("λ", "\\lambda "),
    ("φϕ", "\\phi "),
    ("ω", "\\omega "),
    ("½", "\\frac{1}{2}"),
    ("⅓", "\\frac{1}{3}"),
    ("⅔", "\\frac{2}{3}"),
    ("¼", "\\frac{1}{4}"),
    ("¾", "\\frac{3}{4}"),
    ("⅕", "\\frac{1}{5}"),
    ("⅖", "\\frac{2}{5}"),
    ("⅗", "\\frac{3}{5}"),
    ("⅘", "\\frac{4}{5}"),
    ("⅙", "\\frac{1}{6}"),
    ("⅚", "\\frac{5}{6}"),
    ("⅛", "\\frac{1}{8}"),
    ("⅜", "\\frac{3}{8}"),
    ("⅝", "\\frac{5}{8}"),
    ("⅞", "\\frac{7}{8}"),
    ("，", ","),
    ("。", "."),
];

/// The ASCII character a superscript stands for.
pub fn superscript(c: char) -> Option<char> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ".chars().zip("0123456789+-()n".chars()).find(|(from, _)| *from == c).map(|(_, to)| to)
}

/// The ASCII character a subscript stands for.
pub fn subscript(c: char) -> Option<char> {
    "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙ".chars().zip("0123456789+-()n".chars()).find(|(from, _)| *from == c).map(|(_, to)| to)
}

/// ASCII for full-width forms and for the decimal digits of other scripts that models print.
pub fn ascii(c: char) -> Option<char> {
    let code = c as u32;
    let digit = |zero: u32| char::from_digit(code - zero, 10);
    match code {
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0),
        0x0660..=0x0669 => digit(0x0660),
        0x06F0..=0x06F9 => digit(0x06F0),
        0x0966..=0x096F => digit(0x0966),
        _ => None,
    }
}
