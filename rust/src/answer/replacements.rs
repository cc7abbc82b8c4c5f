//! The tables of [`super::normalize`]: what a character or a command becomes.

use hashbrown::HashMap;
use std::sync::LazyLock;

/// What happens to a LaTeX command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Removed; what follows stays, also its braces.
    Drop,
    /// Removed with the brace group after it.
    DropArgument,
    /// Becomes one space.
    Space,
    /// A wide space, which separates items unless words or a bracket follow.
    Gap,
    /// Becomes this text.
    Rename(&'static str),
    /// `\text`-like: its group is words, unless it holds none.
    Words,
}

/// Looks a command up; `name` is without its backslash.
pub fn command(name: &str) -> Option<Action> {
    static BY_NAME: LazyLock<HashMap<&str, Action>> = LazyLock::new(|| {
        // The first entry counts.
        let entries = COMMANDS.iter().rev();
        entries.flat_map(|(names, action)| names.iter().map(|name| (*name, *action))).collect()
    });
    BY_NAME.get(name).copied()
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
            "vec",
            "hat",
            "widehat",
            "tilde",
            "overrightarrow",
            "mathcal",
            "mathfrak",
            "mathscr",
            "bold",
            "scriptscriptstyle",
            "allowbreak",
            "linebreak",
            "angle",
            "triangle",
            "centering",
            "mathop",
            "pmb",
            "bfseries",
            "Large",
            "LARGE",
            "small",
        ],
        Action::Drop,
    ),
    (
        &["phantom", "hphantom", "vphantom", "hspace", "vspace", "tag", "label", "color", "textcolor"],
        Action::DropArgument,
    ),
    (
        &[",", ";", ":", ">", " ", "~", "enspace", "thinspace", "medspace", "thickspace", "space"],
        Action::Space,
    ),
    (&["quad", "qquad", "hfill"], Action::Gap),
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
            "operatorname*",
            "textsl",
            "texttt",
            "textmd",
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
    (&["bar", "overbar"], Action::Rename("\\overline")),
    (
        &[
            "implies",
            "Rightarrow",
            "Longrightarrow",
            "iff",
            "Leftrightarrow",
            "rightarrow",
            "to",
            "Longleftrightarrow",
        ],
        Action::Rename("\\implies"),
    ),
    (&["lor", "vee", "or"], Action::Rename("\\lor")),
    (&["ne", "not="], Action::Rename("\\ne")),
    (&["backslash", "smallsetminus"], Action::Rename("\\setminus")),
    (&["top", "intercal"], Action::Rename("T")),
    (&["union", "bigcup"], Action::Rename("\\cup")),
    (&["intersection", "bigcap"], Action::Rename("\\cap")),
    (&["nobreakspace"], Action::Space),
    (&["lvert", "rvert"], Action::Rename("|")),
    (&["lVert", "rVert", "Vert"], Action::Rename("\\|")),
    (&["Real", "real"], Action::Rename("\\Re")),
    (&["reals", "Reals"], Action::Rename("\\mathbb{R}")),
    (&["tg"], Action::Rename("\\tan")),
    (&["ctg", "cotg"], Action::Rename("\\cot")),
    (&["arctg"], Action::Rename("\\arctan")),
    (&["acos"], Action::Rename("\\arccos")),
    (&["atan"], Action::Rename("\\arctan")),
    (&["cosec"], Action::Rename("\\csc")),
    (&["tbinom", "dbinom"], Action::Rename("\\binom")),
    (&["thickapprox", "simeq", "cong", "sim"], Action::Rename("\\approx")),
    (&["upi", "uppi"], Action::Rename("\\pi")),
    (&["euro"], Action::Rename("€")),
    (&["pounds"], Action::Rename("£")),
    (&["prime"], Action::Rename("'")),
    (&["colon"], Action::Rename(":")),
    (&["slash"], Action::Rename("/")),
    (&["imath", "mathrm i"], Action::Rename("i")),
    (&["jmath"], Action::Rename("j")),
    (&["Pr"], Action::Rename("P")),
    (&["ldotp"], Action::Rename(".")),
    (&["&", "#"], Action::Drop),
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
    ("’′‘", "'"),
    ("″", "''"),
    ("⌊", "\\lfloor "),
    ("⌋", "\\rfloor "),
    ("⌈", "\\lceil "),
    ("⌉", "\\rceil "),
    ("∧", "\\land "),
    ("∨", "\\lor "),
    ("∉", "\\notin "),
    ("≡", "\\equiv "),
    ("→⇒⟹⇔", "\\implies "),
    ("∑", "\\sum "),
    ("∏", "\\prod "),
    ("ℕ", "\\mathbb{N}"),
    ("ℂ", "\\mathbb{C}"),
    ("∣", "|"),
    ("ℯ", "e"),
    ("ⅈ", "i"),
    ("∠△", ""),
    ("∶", ":"),
    ("⟂", ""),
    ("δ", "\\delta "),
    ("ε", "\\epsilon "),
    ("μµ", "\\mu "),
    ("ρ", "\\rho "),
    ("σ", "\\sigma "),
    ("τ", "\\tau "),
    ("ψ", "\\psi "),
    ("Δ", "\\Delta "),
    ("Ω", "\\Omega "),
    ("Γ", "\\Gamma "),
    ("Φ", "\\Phi "),
    ("ℓ", "\\ell "),
    ("⅐", "\\frac{1}{7}"),
    ("⅑", "\\frac{1}{9}"),
    ("⅒", "\\frac{1}{10}"),
    ("；", ";"),
    ("、", ","),
    ("％", "%"),
    ("≦", "\\le "),
    ("≧", "\\ge "),
    ("℃", "\\text{degC}"),
    ("℉", "\\text{degF}"),
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
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿˣⁱᵏ"
        .chars()
        .zip("0123456789+-()nxik".chars())
        .find(|(from, _)| *from == c)
        .map(|(_, to)| to)
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
        // Mathematical letters and digits: bold, italic, sans-serif, double-struck, monospace.
        0x1D400..=0x1D6A3 => Some(letter(code)),
        0x1D7CE..=0x1D7FF => char::from_digit((code - 0x1D7CE) % 10, 10),
        0x210E => Some('h'),
        _ => None,
    }
}

fn letter(code: u32) -> char {
    let at = ((code - 0x1D400) % 52) as u8;
    char::from(if at < 26 { b'A' + at } else { b'a' + at - 26 })
}

/// HTML entities without `&` and `;`.
pub const ENTITIES: &[(&str, &str)] = &[
    ("lt", "<"),
    ("gt", ">"),
    ("le", "\\le "),
    ("ge", "\\ge "),
    ("ne", "\\ne "),
    ("amp", "&"),
    ("nbsp", " "),
    ("pi", "\\pi "),
    ("times", "\\times "),
    ("middot", "\\cdot "),
    ("minus", "-"),
    ("deg", "^{\\circ}"),
    ("infin", "\\infty "),
    ("radic", "\\sqrt "),
    ("sup2", "^{2}"),
    ("sup3", "^{3}"),
    ("frac12", "\\frac{1}{2}"),
    ("frac14", "\\frac{1}{4}"),
    ("frac34", "\\frac{3}{4}"),
    ("plusmn", "\\pm "),
    ("euro", "€"),
    ("pound", "£"),
    ("cent", "¢"),
    ("quot", "\""),
    ("apos", "'"),
    ("cup", "\\cup "),
    ("cap", "\\cap "),
    ("isin", "\\in "),
    ("empty", "\\emptyset "),
    ("theta", "\\theta "),
    ("alpha", "\\alpha "),
    ("beta", "\\beta "),
    ("ndash", "-"),
    ("mdash", "-"),
    ("hellip", "\\ldots "),
    ("#39", "'"),
    ("#x27", "'"),
    ("#60", "<"),
    ("#62", ">"),
    ("#8722", "-"),
    ("#215", "\\times "),
    ("#960", "\\pi "),
    ("#8730", "\\sqrt "),
    ("#8734", "\\infty "),
];

/// Commands whose backslash may be doubled, or lost together with the letter before.
pub const REPAIRABLE: &[&str] = &[
    "frac", "dfrac", "tfrac", "sqrt", "pi", "cdot", "times", "left", "right", "text", "infty", "le", "ge",
    "leq", "geq", "pm", "cup", "cap", "in", "ln", "log", "sin", "cos", "tan", "boxed", "mathrm", "mathbb",
    "theta", "alpha", "binom", "circ", "neq", "ne", "overline", "lfloor", "rfloor", "lceil", "rceil",
    "emptyset", "setminus", "quad", "degree",
];

/// What a control character is left of, after one unescaping too many: `\f` of `\frac`, `\t` of `\text`.
pub const ATE_ESCAPE: &[(char, &[&str])] = &[
    ('\u{C}', &["rac"]),
    ('\t', &["ext", "imes", "an", "heta", "frac", "au", "riangle"]),
    ('\r', &["ight", "ho", "angle", "floor", "ceil", "m"]),
    ('\u{8}', &["inom", "oxed", "eta", "ar", "egin", "ullet", "igcup"]),
    ('\u{B}', &["ec", "ert", "arnothing", "arphi"]),
];

/// What answers start with that says nothing: lower case, without the spaces, colons and `is` after it.
pub const RESIDUE: &[&str] = &[
    "the final answer is",
    "final answer is",
    "final answer",
    "the correct answer is",
    "correct answer is",
    "the answer is",
    "answer is",
    "answer",
    "ans",
    "therefore",
    "thus",
    "hence",
    "so",
    "\\therefore",
    "we get",
    "we have",
    "it is",
    "option",
    "choice",
];
