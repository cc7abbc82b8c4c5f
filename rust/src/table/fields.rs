//! What the metrics read from one row.

use super::damage::Kind;
use super::json::{Value, has_lone_surrogate, is_number, unescape};
use super::layout::{Layout, SLOTS, Slot};
use super::marks::{Marked, Marks};
use super::words::contains;
use crate::answer::extract::{ExtractOptions, extract};
use memchr::memmem::Finder;
use std::borrow::Cow;

/// Which keys hold what, and how strict to be. Key names are those of NeMo-Skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The key that names a row's problem; rows without it are matched by `problem`, then by line.
    pub id_key: String,
    /// Values of `grade_reason` under which a sample is neither right nor proved wrong.
    pub undecided_reasons: Vec<String>,
    /// Check the JSON of each row whole, also where no metric reads it.
    pub strict: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { id_key: "id".to_owned(), undecided_reasons: Vec::new(), strict: false }
    }
}

/// A yes or no with its absence.
pub type Label = Option<bool>;

/// UTF-8.
pub type Text<'a> = Cow<'a, [u8]>;

/// A row as the metrics see it. Texts are what the escapes stand for.
#[derive(Debug, Default, PartialEq)]
pub struct Row<'a> {
    /// The problem's id, or its text where rows have no id.
    pub problem: Option<Text<'a>>,
    /// The answer; None for none.
    pub answer: Option<Text<'a>>,
    /// The expected answer.
    pub gold: Option<Text<'a>>,
    /// `subset_for_metrics`.
    pub subset: Option<Text<'a>>,
    /// `symbolic_correct`.
    pub symbolic: Label,
    /// What `judgement` says.
    pub judged: Label,
    /// `grade_reason` is one of an undecided grade.
    pub undecided: bool,
    /// `num_generated_tokens`.
    pub tokens: Option<u32>,
    /// `reward_model_score`.
    pub reward: Option<f64>,
    /// `generation_start_time`, unix seconds.
    pub start_s: Option<f64>,
    /// `generation_end_time`, unix seconds.
    pub end_s: Option<f64>,
}

/// Kinds of damage found in one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u32;
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.0 >> *kind as u32 & 1 == 1)
    }
}

/// Reads rows; holds what is reused from one to the next.
#[derive(Debug)]
pub struct Reader<'o> {
    options: &'o Options,
    surrogate: Finder<'static>,
    layout: Layout,
    marks: Marks,
}

/// The values of a row before they are understood.
#[derive(Default)]
struct Raw<'a> {
    values: [Option<Value<'a>>; SLOTS],
    /// The row is not UTF-8; a value may be.
    broken: bool,
}

impl<'a> Raw<'a> {
    fn get(&self, slot: Slot) -> Option<Value<'a>> {
        self.values[slot as usize]
    }

    #[inline]
    fn decoded(&self, raw: &'a [u8]) -> Result<Text<'a>, Kind> {
        if contains(raw, b'\\') {
            unescape(raw).map(|text| Cow::Owned(text.into_bytes()))
        } else if self.broken && std::str::from_utf8(raw).is_err() {
            Err(Kind::BadUtf8)
        } else {
            Ok(Cow::Borrowed(raw))
        }
    }

    /// Most rows lack most keys, which takes no call.
    #[inline]
    fn text(&self, slot: Slot) -> Result<Option<Text<'a>>, Kind> {
        self.get(slot).map_or(Ok(None), |value| self.text_of(value))
    }

    fn text_of(&self, value: Value<'a>) -> Result<Option<Text<'a>>, Kind> {
        match value {
            Value::Text(raw) => self.decoded(raw).map(Some),
            Value::Literal(b"null") => Ok(None),
            _ => Err(Kind::WrongType),
        }
    }

    /// A text that is read further, not only kept.
    fn read_text(&self, slot: Slot) -> Result<Option<Cow<'a, str>>, Kind> {
        let text = self.text(slot)?.map(|text| match text {
            Cow::Borrowed(text) => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Kind::BadUtf8),
            Cow::Owned(text) => String::from_utf8(text).map(Cow::Owned).map_err(|_| Kind::BadUtf8),
        });
        text.transpose()
    }

    /// A name, which may be a number.
    #[inline]
    fn name(&self, slot: Slot, kinds: &mut Kinds) -> Result<Option<Text<'a>>, Kind> {
        match self.get(slot) {
            Some(Value::Literal(literal)) if is_number(literal) => Ok(Some(Cow::Borrowed(literal))),
            Some(Value::Literal(literal)) if literal != b"null" => {
                kinds.add(Kind::WrongType);
                Err(Kind::WrongType)
            }
            None => Ok(None),
            Some(value) => self.text_of(value),
        }
    }

    /// An answer, which may be a number where a text is meant; `true` and `false` are words.
    #[inline]
    fn answer(&self, slot: Slot, kinds: &mut Kinds) -> Result<Option<Text<'a>>, Kind> {
        match self.get(slot) {
            // An answer of NaN is an answer that got lost on its way through a table.
            None | Some(Value::Literal(b"NaN" | b"Infinity" | b"-Infinity")) => Ok(None),
            Some(Value::Literal(literal)) if literal != b"null" => {
                kinds.add(Kind::NumberForText);
                Ok(Some(Cow::Borrowed(literal)))
            }
            Some(value) => self.text_of(value),
        }
    }
}

impl<'o> Reader<'o> {
    /// A reader of rows.
    pub fn new(options: &'o Options) -> Self {
        Self { options, surrogate: Finder::new(br"\u"), layout: Layout::default(), marks: Marks::default() }
    }

    /// Reads a row that is not blank and has no line end: the row if it is kept, and what is wrong with it.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> (Option<Row<'a>>, Kinds) {
        let mut row = Row::default();
        let mut marks = std::mem::take(&mut self.marks);
        marks.clear();
        marks.extend(line);
        let (kept, kinds) = self.read_into(Marked::new(line, true, &marks, 0), &mut row);
        self.marks = marks;
        (kept.then_some(row), kinds)
    }

    /// As [`Reader::read`], of a line with its marks and into a new `row`: whether it is kept. If not, what is in `row` means
    /// nothing.
    #[inline]
    pub fn read_into<'a>(&mut self, line: Marked<'a, '_>, row: &mut Row<'a>) -> (bool, Kinds) {
        let mut kinds = Kinds::default();
        let zeros = line.bytes.iter().take_while(|byte| **byte == 0).count();
        let line = line.after(zeros);
        if zeros > 0 {
            kinds.add(Kind::NulBytes);
            if line.bytes.is_empty() {
                return (false, kinds);
            }
        }
        let mut raw = Raw::default();
        let read = self
            .raw(line, &mut raw, &mut kinds)
            .and_then(|()| understand(&raw, self.options, &mut kinds, row));
        if let Err(kind) = read {
            kinds.add(kind);
        }
        (read.is_ok(), kinds)
    }

    #[inline]
    fn raw<'a>(&mut self, line: Marked<'a, '_>, raw: &mut Raw<'a>, kinds: &mut Kinds) -> Result<(), Kind> {
        if !line.is_ascii() && simdutf8::basic::from_utf8(line.bytes).is_err() {
            kinds.add(Kind::BadUtf8);
            raw.broken = true;
        }
        if !line.is_paired() && has_lone_surrogate(line.bytes, &self.surrogate) {
            kinds.add(Kind::LoneSurrogate);
        }
        let mut walk = self.layout.walk(line)?;
        while let Some((slot, value)) = walk.member(&self.options.id_key)? {
            if line.controls
                && let Value::Text(text) = value
            {
                note_controls(text, kinds);
            }
            if let Value::Literal(b"NaN" | b"Infinity" | b"-Infinity") = value {
                kinds.add(Kind::NotANumber);
            }
            // Which of the two counts is anybody's guess.
            if let Some(slot) = slot
                && raw.values[slot as usize].replace(value).is_some()
            {
                return Err(Kind::DuplicateKey);
            }
        }
        if walk.doubled() {
            kinds.add(Kind::DuplicateKey);
        }
        if self.options.strict
            && kinds.is_empty()
            && serde_json::from_slice::<serde::de::IgnoredAny>(line.bytes).is_err()
        {
            return Err(Kind::InvalidJson);
        }
        Ok(())
    }
}

fn note_controls(text: &[u8], kinds: &mut Kinds) {
    for byte in text {
        match byte {
            0 => kinds.add(Kind::NulBytes),
            1..b' ' => kinds.add(Kind::ControlCharacter),
            _ => {}
        }
    }
}

#[inline]
fn understand<'a>(
    raw: &Raw<'a>,
    options: &Options,
    kinds: &mut Kinds,
    row: &mut Row<'a>,
) -> Result<(), Kind> {
    row.problem = raw.name(Slot::Id, kinds)?;
    if row.problem.is_none() {
        row.problem = raw.name(Slot::Problem, kinds)?;
    }
    row.answer = match (raw.get(Slot::Answer), raw.get(Slot::Generation)) {
        (Some(_), _) => raw.answer(Slot::Answer, kinds)?,
        (None, Some(_)) => raw.read_text(Slot::Generation)?.and_then(extracted),
        (None, None) => return Err(Kind::MissingKey),
    };
    if row.answer.as_deref().is_some_and(is_blank) {
        row.answer = None;
    }
    row.gold = raw.answer(Slot::Gold, kinds)?;
    row.subset = raw.text(Slot::Subset)?;
    row.symbolic = boolean(raw.get(Slot::Symbolic))?;
    if raw.get(Slot::Judgement).is_some() {
        row.judged = Some(raw.read_text(Slot::Judgement)?.is_some_and(|judgement| says_yes(&judgement)));
    }
    if row.symbolic.is_none() && row.judged.is_none() && row.gold.is_none() {
        return Err(Kind::MissingKey);
    }
    if let Some(reason) = raw.text(Slot::Reason)? {
        let open = || options.undecided_reasons.iter().any(|other| other.as_bytes() == &*reason);
        row.undecided = row.symbolic == Some(false) && open();
    }
    row.tokens = count(raw.get(Slot::Tokens))?;
    row.reward = some_number(raw.get(Slot::Reward))?;
    row.start_s = some_number(raw.get(Slot::Start))?;
    row.end_s = some_number(raw.get(Slot::End))?;
    Ok(())
}

/// Whether a text is nothing but space.
#[inline]
fn is_blank(text: &[u8]) -> bool {
    let plain = text.first().is_some_and(u8::is_ascii_graphic);
    !plain && std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty())
}

/// The answer in a completion: in a box, as evaluations ask for it.
fn extracted(generation: Cow<'_, str>) -> Option<Text<'_>> {
    let bytes = |answer| match answer {
        Cow::Borrowed(text) => Cow::Borrowed(str::as_bytes(text)),
        Cow::Owned(text) => Cow::Owned(String::into_bytes(text)),
    };
    match generation {
        Cow::Borrowed(text) => extract(text, ExtractOptions::BOXES).map(|found| bytes(found.answer)),
        Cow::Owned(text) => {
            let found = extract(&text, ExtractOptions::BOXES)?;
            Some(Cow::Owned(found.answer.into_owned().into_bytes()))
        }
    }
}

/// The words of a judge after its last `Judgement:`, as NeMo-Skills reads them.
fn says_yes(judgement: &str) -> bool {
    judgement.rsplit_once("Judgement:").is_some_and(|(_, verdict)| {
        verdict.trim_start().get(..3).is_some_and(|word| word.eq_ignore_ascii_case("yes"))
    })
}

fn boolean(value: Option<Value<'_>>) -> Result<Label, Kind> {
    match value {
        None | Some(Value::Literal(b"null")) => Ok(None),
        Some(Value::Literal(b"true" | b"1" | b"1.0")) => Ok(Some(true)),
        Some(Value::Literal(b"false" | b"0" | b"0.0")) => Ok(Some(false)),
        Some(_) => Err(Kind::WrongType),
    }
}

#[inline]
fn some_number(value: Option<Value<'_>>) -> Result<Option<f64>, Kind> {
    if value.is_none() { Ok(None) } else { number(value) }
}

/// A finite number; `NaN` and infinities are as good as none.
fn number(value: Option<Value<'_>>) -> Result<Option<f64>, Kind> {
    match value {
        None | Some(Value::Literal(b"null" | b"NaN" | b"Infinity" | b"-Infinity")) => Ok(None),
        Some(Value::Literal(literal)) if is_number(literal) => {
            let number = std::str::from_utf8(literal).ok().and_then(|text| text.parse::<f64>().ok());
            Ok(number.filter(|number| number.is_finite()))
        }
        Some(_) => Err(Kind::WrongType),
    }
}

#[inline]
fn count(value: Option<Value<'_>>) -> Result<Option<u32>, Kind> {
    if let Some(Value::Literal(literal)) = value
        && literal.len() < 10
    {
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        let whole = literal.iter().try_fold(0, |number, byte| digit(byte).map(|digit| number * 10 + digit));
        if whole.is_some() {
            return Ok(whole);
        }
    }
    match number(value)? {
        None => Ok(None),
        Some(number) if (0.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0 => {
            Ok(Some(number as u32))
        }
        Some(_) => Err(Kind::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Option<Row<'_>>, Vec<Kind>) {
        let options = Options { undecided_reasons: vec!["open".to_owned()], ..Options::default() };
        let (row, kinds) = Reader::new(&options).read(line.as_bytes());
        (row, kinds.iter().collect())
    }

    fn shown<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
        text.map(|text| std::str::from_utf8(text).unwrap())
    }

    #[test]
    fn a_whole_row() {
        let (row, kinds) = read(
            r#"{"id": "a/1", "problem": "P", "predicted_answer": "\\frac12", "symbolic_correct": false, "grade_reason": "open",
            "judgement": "Reasoning: x\nJudgement: yes.", "expected_answer": "0.5", "num_generated_tokens": 12, "reward_model_score": -1e-3,
            "generation_start_time": 1.5, "generation_end_time": 2, "subset_for_metrics": "s", "rounds": [{"token_ids": [1, 2]}]}"#,
        );
        assert_eq!(kinds, []);
        let row = row.unwrap();
        assert_eq!(
            (shown(row.problem.as_ref()), shown(row.answer.as_ref())),
            (Some("a/1"), Some(r"\frac12"))
        );
        assert_eq!((row.symbolic, row.judged, row.undecided), (Some(false), Some(true), true));
        assert_eq!(
            (row.tokens, row.reward, row.start_s, row.end_s),
            (Some(12), Some(-0.001), Some(1.5), Some(2.0))
        );
        assert_eq!((shown(row.gold.as_ref()), shown(row.subset.as_ref())), (Some("0.5"), Some("s")));
    }

    #[test]
    fn answers_from_text() {
        let (row, kinds) = read(r#"{"id": 7, "generation": "so \\boxed{5}", "expected_answer": 5}"#);
        assert_eq!(kinds, [Kind::NumberForText]);
        let row = row.unwrap();
        assert_eq!(
            (shown(row.problem.as_ref()), shown(row.answer.as_ref()), shown(row.gold.as_ref())),
            (Some("7"), Some("5"), Some("5"))
        );
    }

    #[test]
    fn kept_and_counted() {
        for (line, kind) in [
            (
                r#"{"id": "a", "predicted_answer": "1", "symbolic_correct": true, "text": "\ud83d"}"#,
                Kind::LoneSurrogate,
            ),
            (
                r#"{"id": "a", "predicted_answer": "1", "symbolic_correct": true, "score": NaN}"#,
                Kind::NotANumber,
            ),
            (
                r#"{"id": "a", "predicted_answer": "1", "symbolic_correct": true, "x": 1, "x": 2}"#,
                Kind::DuplicateKey,
            ),
            (r#"{"id": "a", "predicted_answer": 1, "symbolic_correct": true}"#, Kind::NumberForText),
            (
                "{\"id\": \"a\", \"predicted_answer\": \"1\", \"symbolic_correct\": true, \"x\": \"\u{1}\"}",
                Kind::ControlCharacter,
            ),
            ("\0\0{\"id\": \"a\", \"predicted_answer\": \"1\", \"symbolic_correct\": true}", Kind::NulBytes),
        ] {
            let (row, kinds) = read(line);
            assert_eq!(row.as_ref().and_then(|row| shown(row.answer.as_ref())), Some("1"), "{line}");
            assert_eq!(kinds, [kind], "{line}");
        }
    }

    #[test]
    fn set_aside() {
        for (line, kind) in [
            (
                r#"{"id": "a", "predicted_answer": "1", "predicted_answer": "2", "symbolic_correct": true}"#,
                Kind::DuplicateKey,
            ),
            (r#"{"id": "a", "predicted_answer": "\ud83d", "symbolic_correct": true}"#, Kind::LoneSurrogate),
            (r#"{"id": "a", "predicted_answer": "1"}"#, Kind::MissingKey),
            (r#"{"id": "a", "symbolic_correct": true}"#, Kind::MissingKey),
            (r#"{"id": "a", "predicted_answer": ["1"], "symbolic_correct": true}"#, Kind::WrongType),
            (r#"{"id": "a", "predicted_answer": "1", "symbolic_correct": "yes"}"#, Kind::WrongType),
            (r#"{"id": "a", "predicted_answer": "1", "symbolic_correct": true"#, Kind::CutRow),
            ("\0\0\0", Kind::NulBytes),
        ] {
            let (row, kinds) = read(line);
            assert_eq!(row, None, "{line}");
            assert!(kinds.contains(&kind), "{line}: {kinds:?}");
        }
        let options = Options { strict: true, ..Options::default() };
        let line = br#"{"id": "a", "predicted_answer": "1", "symbolic_correct": true, "x": [1}}"#;
        assert!(
            Reader::new(&Options::default()).read(line).0.is_some()
                != Reader::new(&options).read(line).0.is_some()
        );
    }
}
