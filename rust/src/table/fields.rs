//! What the metrics read from one row.

use super::damage::Kind;
use super::json::{Form, Value, has_lone_surrogate, unescape};
use super::layout::{Layout, SLOTS, Slot};
use super::marks::{Marked, Marks};
use super::words::{contains, digits, whole, word_at};
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
struct Raw<'a> {
    row: &'a [u8],
    values: [Value; SLOTS],
    /// A bit for each slot that has a value.
    there: u32,
    /// The row is not UTF-8; a value may be.
    broken: bool,
}

/// Slots that many rows have none of.
const RARE: u32 = bit(Slot::Subset)
    | bit(Slot::Judgement)
    | bit(Slot::Reason)
    | bit(Slot::Reward)
    | bit(Slot::Start)
    | bit(Slot::End);

const fn bit(slot: Slot) -> u32 {
    1 << slot as u32
}

impl<'a> Raw<'a> {
    fn new(row: &'a [u8]) -> Self {
        Self { row, values: [Value::default(); SLOTS], there: 0, broken: false }
    }

    /// Whether the slot had no value yet.
    #[inline]
    fn put(&mut self, slot: Slot, value: Value) -> bool {
        let new = !self.has(slot);
        self.there |= bit(slot);
        self.values[slot as usize] = value;
        new
    }

    #[inline]
    fn has(&self, slot: Slot) -> bool {
        self.there & bit(slot) != 0
    }

    /// A value's form, and the value as written.
    #[inline]
    fn get(&self, slot: Slot) -> Option<(Form, &'a [u8])> {
        let value = &self.values[slot as usize];
        self.has(slot).then(|| (value.form, value.of(self.row)))
    }

    /// Texts are written to where they belong: returned through several hands, each would be copied piece by piece.
    #[inline]
    fn decode(&self, raw: &'a [u8], text: &mut Option<Text<'a>>) -> Result<(), Kind> {
        *text = Some(if contains(raw, b'\\') {
            Cow::Owned(unescape(raw)?.into_bytes())
        } else if self.broken && std::str::from_utf8(raw).is_err() {
            return Err(Kind::BadUtf8);
        } else {
            Cow::Borrowed(raw)
        });
        Ok(())
    }

    #[inline]
    fn text(&self, slot: Slot, text: &mut Option<Text<'a>>) -> Result<(), Kind> {
        match self.get(slot) {
            None | Some((Form::Null, _)) => Ok(()),
            Some((Form::Text, raw)) => self.decode(raw, text),
            Some(_) => Err(Kind::WrongType),
        }
    }

    /// A text that is read further, not only kept.
    fn read_text(&self, slot: Slot) -> Result<Option<Cow<'a, str>>, Kind> {
        let mut text = None;
        self.text(slot, &mut text)?;
        let text = text.map(|text| match text {
            Cow::Borrowed(text) => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| Kind::BadUtf8),
            Cow::Owned(text) => String::from_utf8(text).map(Cow::Owned).map_err(|_| Kind::BadUtf8),
        });
        text.transpose()
    }

    /// A name, which may be a number.
    #[inline]
    fn name(&self, slot: Slot, name: &mut Option<Text<'a>>) -> Result<(), Kind> {
        match self.get(slot) {
            Some((Form::Number, number)) => *name = Some(Cow::Borrowed(number)),
            _ => self.text(slot, name)?,
        }
        Ok(())
    }

    /// An answer, which may be a number where a text is meant; `true` and `false` are words.
    #[inline]
    fn answer(&self, slot: Slot, kinds: &mut Kinds, answer: &mut Option<Text<'a>>) -> Result<(), Kind> {
        match self.get(slot) {
            // An answer of NaN is an answer that got lost on its way through a table.
            Some((Form::NotFinite, _)) => {}
            Some((Form::Number | Form::True | Form::False, word)) => {
                kinds.add(Kind::NumberForText);
                *answer = Some(Cow::Borrowed(word));
            }
            _ => self.text(slot, answer)?,
        }
        Ok(())
    }

    fn boolean(&self, slot: Slot) -> Result<Label, Kind> {
        match self.get(slot) {
            None | Some((Form::Null, _)) => Ok(None),
            Some((Form::True, _) | (Form::Number, b"1" | b"1.0")) => Ok(Some(true)),
            Some((Form::False, _) | (Form::Number, b"0" | b"0.0")) => Ok(Some(false)),
            Some(_) => Err(Kind::WrongType),
        }
    }

    /// A finite number; `NaN` and infinities are as good as none.
    fn number(&self, slot: Slot) -> Result<Option<f64>, Kind> {
        match self.get(slot) {
            None | Some((Form::Null | Form::NotFinite, _)) => Ok(None),
            Some((Form::Number, number)) => {
                let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
                Ok(number.filter(|number| number.is_finite()))
            }
            Some(_) => Err(Kind::WrongType),
        }
    }

    #[inline]
    fn count(&self, slot: Slot) -> Result<Option<u32>, Kind> {
        let Value { form, start, end } = self.values[slot as usize];
        let word = word_at(self.row, start as usize);
        if self.has(slot) && form == Form::Number && digits(word) == end - start {
            return Ok(Some(whole(word, end - start)));
        }
        match self.number(slot)? {
            None => Ok(None),
            Some(number) if (0.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0 => {
                Ok(Some(number as u32))
            }
            Some(_) => Err(Kind::WrongType),
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
        let mut raw = Raw::new(line.bytes);
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
        while let Some(slot) = walk.key(&self.options.id_key)? {
            let value = walk.value()?;
            if line.controls && value.form == Form::Text {
                note_controls(value.of(line.bytes), kinds);
            }
            if value.form == Form::NotFinite {
                kinds.add(Kind::NotANumber);
            }
            // Which of the two counts is anybody's guess.
            if slot != Slot::Other && !raw.put(slot, value) {
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
    raw.name(Slot::Id, &mut row.problem)?;
    if row.problem.is_none() {
        raw.name(Slot::Problem, &mut row.problem)?;
    }
    if raw.has(Slot::Answer) {
        raw.answer(Slot::Answer, kinds, &mut row.answer)?;
    } else if raw.has(Slot::Generation) {
        row.answer = raw.read_text(Slot::Generation)?.and_then(extracted);
    } else {
        return Err(Kind::MissingKey);
    }
    if row.answer.as_deref().is_some_and(is_blank) {
        row.answer = None;
    }
    raw.answer(Slot::Gold, kinds, &mut row.gold)?;
    row.symbolic = raw.boolean(Slot::Symbolic)?;
    row.tokens = raw.count(Slot::Tokens)?;
    if raw.there & RARE != 0 {
        understand_rare(raw, options, row)?;
    }
    if row.symbolic.is_none() && row.judged.is_none() && row.gold.is_none() {
        return Err(Kind::MissingKey);
    }
    Ok(())
}

fn understand_rare<'a>(raw: &Raw<'a>, options: &Options, row: &mut Row<'a>) -> Result<(), Kind> {
    raw.text(Slot::Subset, &mut row.subset)?;
    if raw.has(Slot::Judgement) {
        row.judged = Some(raw.read_text(Slot::Judgement)?.is_some_and(|judgement| says_yes(&judgement)));
    }
    let mut reason = None;
    raw.text(Slot::Reason, &mut reason)?;
    if let Some(reason) = reason {
        let open = || options.undecided_reasons.iter().any(|other| other.as_bytes() == &*reason);
        row.undecided = row.symbolic == Some(false) && open();
    }
    row.reward = raw.number(Slot::Reward)?;
    row.start_s = raw.number(Slot::Start)?;
    row.end_s = raw.number(Slot::End)?;
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
