//! The result of a comparison.

use crate::answer::limits::Stop;

/// Three-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerdictKind {
    /// Proved to say the same.
    Equal,
    /// Proved to say something else.
    Different,
    /// Neither; not the same as wrong.
    Undecided,
}

impl VerdictKind {
    /// Lowercase name, as in tables and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Undecided => "undecided",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why; the codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it stands in rows.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

reasons! {
    /// Both are the same integer.
    SameInteger = "same_integer",
    /// The same after normalisation.
    SameText = "same_text",
    /// The same exact value.
    SameValue = "same_value",
    /// The same number or function, by an identity.
    SameIdentity = "same_identity",
    /// A decimal that rounds or truncates the exact value.
    RoundedValue = "rounded_value",
    /// `35\%` and 35.
    PercentBare = "percent_bare",
    /// The same option of a multiple-choice question.
    SameLetter = "same_letter",
    /// The same items.
    SameItems = "same_items",
    /// The same relation.
    SameRelation = "same_relation",
    /// The same set of numbers.
    SameRegion = "same_region",
    /// The digits of a number in a base, without the base.
    BaseMissing = "base_missing",
    /// Equations that are multiples of each other.
    SameEquation = "same_equation",
    /// Different integers.
    IntegerDiffers = "integer_differs",
    /// Different exact values.
    ValueDiffers = "value_differs",
    /// Different values, told apart by disjoint intervals.
    ValueSeparated = "value_separated",
    /// Different options.
    LetterDiffers = "letter_differs",
    /// Some item differs.
    ItemDiffers = "item_differs",
    /// Different sets of numbers.
    RegionDiffers = "region_differs",
    /// Different numbers of items.
    LengthDiffers = "length_differs",
    /// Different brackets.
    BracketsDiffer = "brackets_differ",
    /// Numbers in different bases.
    BaseDiffers = "base_differs",
    /// Equations with different solutions.
    EquationDiffers = "equation_differs",
    /// Units of different kinds.
    UnitDiffers = "unit_differs",
    /// Different words.
    TextDiffers = "text_differs",
    /// One answer, or both, is empty.
    NoAnswer = "no_answer",
    /// Names such as `x =` differ.
    NameDiffers = "name_differs",
    /// Readable, beyond what is decided natively.
    NotNative = "not_native",
    /// Not told apart at the highest precision, and not proved equal.
    Unseparated = "unseparated",
    /// No point at which both are defined.
    NoCommonDomain = "no_common_domain",
    /// Different kinds of answer, such as words and a number.
    KindDiffers = "kind_differs",
    /// At least one is not readable as mathematics.
    Unreadable = "unreadable",
    /// Division by zero and the like.
    UndefinedValue = "undefined_value",
    /// A bound on size or work was reached.
    Limit = "limit",
}

impl From<Stop> for Reason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Undefined => Self::UndefinedValue,
            Stop::Limit => Self::Limit,
            Stop::Beyond => Self::Unreadable,
        }
    }
}

/// Kind and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What was found.
    pub kind: VerdictKind,
    /// By which rule.
    pub reason: Reason,
}

impl Verdict {
    pub(crate) fn equal(reason: Reason) -> Self {
        Self { kind: VerdictKind::Equal, reason }
    }

    pub(crate) fn different(reason: Reason) -> Self {
        Self { kind: VerdictKind::Different, reason }
    }

    pub(crate) fn undecided(reason: Reason) -> Self {
        Self { kind: VerdictKind::Undecided, reason }
    }

    /// Whether the answers were proved equal.
    pub fn is_equal(self) -> bool {
        self.kind == VerdictKind::Equal
    }
}
