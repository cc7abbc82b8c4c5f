//! What counts as saying the same: one field for every convention on which careful people differ.

/// What `\log` without a base means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogBase {
    /// The natural logarithm.
    Natural,
    /// The decimal logarithm.
    Ten,
}

/// The conventions of a comparison. The defaults are what graders of mathematics expect, without false "equal".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct Policy {
    /// `35\%` also equals a bare 35, besides 0.35.
    pub percent_bare: bool,
    /// A decimal equals the exact value that rounds or truncates to it, from this many significant digits on.
    pub rounded_from: usize,
    /// `1011_2` also equals a bare 1011.
    pub base_bare: bool,
    /// Numbers in two bases are compared by value: `12_7` equals `9_{10}`.
    pub base_by_value: bool,
    /// `0,5` is 0.5; a list needs semicolons or spaces after its commas.
    pub decimal_comma: bool,
    /// `1,234` is 1234 where its groups are well formed.
    pub thousands: bool,
    /// A unit on one side only is free: 42 equals `42 cm`.
    pub unit_bare: bool,
    /// Two units of one dimension convert: `42 cm` equals `0.42 m`; else their names must agree.
    pub unit_conversion: bool,
    /// `60^\circ` also equals `\pi/3` without a unit.
    pub degrees_as_radians: bool,
    /// `(3,-4)`, `[3,-4]` and `\{3,-4\}` differ by their brackets.
    pub brackets_matter: bool,
    /// `3,-4` also equals the tuple `(3,-4)`.
    pub tuple_bare: bool,
    /// Items without brackets are compared in order.
    pub list_ordered: bool,
    /// `\{1,1,2\}` equals `\{1,2\}`; a bare `1,1,2` does not.
    pub set_repeats: bool,
    /// `]2,5[` is the open interval.
    pub reversed_brackets: bool,
    /// An interval equals the inequality that describes it.
    pub interval_as_inequality: bool,
    /// `x=5` also equals a bare 5, and `y=2x+1` a bare `2x+1`.
    pub name_bare: bool,
    /// Expressions are compared where both are defined, so `\frac{x^2}{x}` equals `x`.
    pub common_domain: bool,
    /// What `\log` without a base means where the other side gives no base either.
    pub log_base: LogBase,
    /// `i` is the imaginary unit.
    pub imaginary_i: bool,
    /// A single capital letter A to J asks for an option: `B` equals `(B) 12`.
    pub option_letters: bool,
    /// "no solution", DNE, "none" and the empty set are the same.
    pub no_solution_words: bool,
    /// Words are compared without case, punctuation and articles.
    pub words_folded: bool,
    /// `3:4` is the fraction 3/4.
    pub ratio_as_fraction: bool,
    /// A time of day without AM or PM equals one with it.
    pub half_day_bare: bool,
    /// Damaged LaTeX is repaired where only one reading is likely.
    pub repair: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            percent_bare: true,
            rounded_from: 6,
            base_bare: true,
            base_by_value: false,
            decimal_comma: false,
            thousands: true,
            unit_bare: true,
            unit_conversion: true,
            degrees_as_radians: false,
            brackets_matter: true,
            tuple_bare: true,
            list_ordered: false,
            set_repeats: true,
            reversed_brackets: true,
            interval_as_inequality: true,
            name_bare: true,
            common_domain: true,
            log_base: LogBase::Natural,
            imaginary_i: true,
            option_letters: true,
            no_solution_words: true,
            words_folded: true,
            ratio_as_fraction: true,
            half_day_bare: false,
            repair: true,
        }
    }
}

impl Policy {
    /// For grouping answers: without the rules that would chain unequal answers together.
    pub const STRICT: Self = Self {
        percent_bare: false,
        rounded_from: usize::MAX,
        base_bare: false,
        base_by_value: false,
        decimal_comma: false,
        thousands: true,
        unit_bare: true,
        unit_conversion: true,
        degrees_as_radians: false,
        brackets_matter: true,
        tuple_bare: true,
        list_ordered: false,
        set_repeats: true,
        reversed_brackets: true,
        interval_as_inequality: true,
        name_bare: true,
        common_domain: true,
        log_base: LogBase::Natural,
        imaginary_i: true,
        option_letters: true,
        no_solution_words: true,
        words_folded: true,
        ratio_as_fraction: true,
        half_day_bare: false,
        repair: true,
    };
}
