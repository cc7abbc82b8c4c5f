//! The members of one JSON object, one after another, without a document.
//!
//! Strings end where the marks say. Of values that nobody asks for, the structure is not validated beyond
//! quotes and the number of brackets: a `strict` scan does that.

use super::damage::Kind;
use super::marks::Marked;
use super::words::{digits, starts_with, word_at};
use memchr::memchr;

/// What a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    #[default]
    Null,
    /// `NaN`, `Infinity` or `-Infinity`, which Python writes and JSON lacks.
    NotFinite,
    /// An object or a list.
    Nested,
}

/// A value and where it stands in its row: a string without its quotes, escapes as written.
///
/// Twelve bytes, because each is moved a few times: lines have at most [`super::lines::MAX_LINE_BYTES`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub form: Form,
    /// Its first byte in the row.
    pub start: u32,
    /// Behind its last.
    pub end: u32,
}

impl Value {
    #[inline]
    fn new(form: Form, start: usize, end: usize) -> Self {
        Self { form, start: start as u32, end: end as u32 }
    }

    /// The value as written.
    #[inline]
    pub fn of<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        &row[self.start as usize..self.end as usize]
    }
}

/// Reads a row from its first byte to its last.
#[derive(Debug)]
pub struct Members<'a, 'm> {
    marked: Marked<'a, 'm>,
    row: &'a [u8],
    at: usize,
    first: bool,
}

impl<'a, 'm> Members<'a, 'm> {
    /// Members of `row`, which has no line end.
    pub fn new(row: Marked<'a, 'm>) -> Result<Self, Kind> {
        let mut members = Self { marked: row, row: row.bytes, at: 0, first: true };
        members.space();
        match members.byte() {
            Some(b'{') => {
                members.at += 1;
                Ok(members)
            }
            _ => Err(Kind::NotAnObject),
        }
    }

    /// Whether nothing but the closing brace is left.
    #[inline]
    pub fn at_end(&self) -> bool {
        self.row[self.at..] == *b"}"
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Goes past a key that is written like this; `head` is what another row had from after a value, or the opening brace,
    /// to the next value.
    #[inline]
    pub fn skip(&mut self, head: &[u8]) -> bool {
        let found = starts_with(&self.row[self.at..], head);
        if found {
            self.at += head.len();
            self.first = false;
        }
        found
    }

    /// The next key, without quotes, escapes as written; None after the last, when nothing but space follows. [`Members::value`]
    /// must follow a key.
    pub fn key(&mut self) -> Result<Option<&'a [u8]>, Kind> {
        self.space();
        match self.byte() {
            Some(b'}') => return self.end().map(|()| None),
            Some(b',') if !self.first => {
                self.at += 1;
                self.space();
            }
            Some(_) if self.first => {}
            Some(_) => return Err(Kind::InvalidJson),
            None => return Err(Kind::CutRow),
        }
        self.first = false;
        self.expect(b'"')?;
        let key = self.text()?.of(self.row);
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(Some(key))
    }

    fn end(&mut self) -> Result<(), Kind> {
        self.at += 1;
        self.space();
        if self.at == self.row.len() { Ok(()) } else { Err(Kind::TextAfterRow) }
    }

    fn byte(&self) -> Option<u8> {
        self.row.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Kind> {
        match self.byte() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(Kind::InvalidJson),
            None => Err(Kind::CutRow),
        }
    }

    /// The value of the key that was read.
    #[inline]
    pub fn value(&mut self) -> Result<Value, Kind> {
        self.space();
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                self.text()
            }
            Some(b'{' | b'[') => self.nested(),
            Some(_) => self.literal(),
            None => Err(Kind::CutRow),
        }
    }

    /// The string that starts here; leaves the cursor behind its closing quote.
    #[inline]
    fn text(&mut self) -> Result<Value, Kind> {
        let end = self.marked.quote(self.at).ok_or(Kind::CutRow)?;
        let text = Value::new(Form::Text, self.at, end);
        self.at = end + 1;
        Ok(text)
    }

    /// Most literals are words or whole numbers of a few digits, followed by the next member or the end.
    #[inline]
    fn literal(&mut self) -> Result<Value, Kind> {
        const TRUE: u32 = u32::from_le_bytes(*b"true");
        const NULL: u32 = u32::from_le_bytes(*b"null");
        const FALS: u32 = u32::from_le_bytes(*b"fals");
        let word = word_at(self.row, self.at);
        let byte = |at: u32| word.unbounded_shr(8 * at) as u8;
        let (form, length) = match word as u32 {
            TRUE => (Form::True, 4),
            NULL => (Form::Null, 4),
            FALS if byte(4) == b'e' => (Form::False, 5),
            _ => (Form::Number, digits(word)),
        };
        let whole = form != Form::Number || length == 1 || (length > 1 && byte(0) != b'0');
        if whole && matches!(byte(length), b',' | b'}') {
            let start = self.at;
            self.at += length as usize;
            Ok(Value::new(form, start, self.at))
        } else {
            self.long_literal()
        }
    }

    fn long_literal(&mut self) -> Result<Value, Kind> {
        let start = self.at;
        while !matches!(self.byte(), None | Some(b',' | b'}' | b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
        // A number that ends with the row may have lost digits.
        if self.at == self.row.len() {
            return Err(Kind::CutRow);
        }
        let form = match &self.row[start..self.at] {
            b"true" => Form::True,
            b"false" => Form::False,
            b"null" => Form::Null,
            b"NaN" | b"Infinity" | b"-Infinity" => Form::NotFinite,
            number if is_number(number) => Form::Number,
            _ => return Err(Kind::InvalidJson),
        };
        Ok(Value::new(form, start, self.at))
    }

    fn nested(&mut self) -> Result<Value, Kind> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            self.at += structural(&self.row[self.at..]).ok_or(Kind::CutRow)?;
            let byte = self.row[self.at];
            self.at += 1;
            match byte {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => depth += 1,
                _ => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Value::new(Form::Nested, start, self.at));
                    }
                }
            }
        }
    }
}

/// The first quote or bracket, in steps that the compiler turns into vector code.
fn structural(text: &[u8]) -> Option<usize> {
    const STEP: usize = 64;
    // Setting this bit joins `[` with `{` and `]` with `}`, and no other byte with them.
    let is = |byte: &u8| *byte == b'"' || *byte | 0x20 == b'{' || *byte | 0x20 == b'}';
    let mut at = 0;
    for chunk in text.chunks(STEP) {
        if chunk.iter().fold(false, |any, byte| any | is(byte)) {
            return chunk.iter().position(is).map(|inside| at + inside);
        }
        at += chunk.len();
    }
    None
}

/// Whether `text` is a JSON number.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent =
            exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let length = digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}

/// The text that a string's inside stands for.
///
/// # Errors
/// [`Kind::LoneSurrogate`], [`Kind::BadUtf8`], or [`Kind::InvalidJson`] for an escape that JSON lacks.
pub fn unescape(raw: &[u8]) -> Result<String, Kind> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let (kind, after) = rest[at + 1..].split_first().ok_or(Kind::InvalidJson)?;
        rest = after;
        let plain = match kind {
            b'"' | b'\\' | b'/' => *kind,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, length) = code_point(rest)?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[length..];
                continue;
            }
            _ => return Err(Kind::InvalidJson),
        };
        text.push(plain);
    }
    text.extend_from_slice(rest);
    String::from_utf8(text).map_err(|_| Kind::BadUtf8)
}

/// The character after `\u`, and the bytes it takes, a second escape of a pair included.
fn code_point(text: &[u8]) -> Result<(char, usize), Kind> {
    let unit = |text: &[u8]| -> Option<u32> {
        let digits = std::str::from_utf8(text.get(..4)?).ok()?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(text).ok_or(Kind::InvalidJson)?;
    if !(0xD800..0xE000).contains(&first) {
        return char::from_u32(first).map(|character| (character, 4)).ok_or(Kind::LoneSurrogate);
    }
    let second = text.get(4..).and_then(|text| text.strip_prefix(b"\\u")).and_then(unit);
    match second {
        Some(second) if first < 0xDC00 && (0xDC00..0xE000).contains(&second) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            char::from_u32(code).map(|character| (character, 10)).ok_or(Kind::LoneSurrogate)
        }
        _ => Err(Kind::LoneSurrogate),
    }
}

/// Whether the row has half a surrogate pair anywhere in it. `escapes` finds `\u`.
pub fn has_lone_surrogate(row: &[u8], escapes: &memchr::memmem::Finder<'_>) -> bool {
    let mut from = 0;
    while let Some(found) = escapes.find(&row[from..]) {
        let at = from + found;
        from = at + 2;
        if !matches!(row.get(at + 2), Some(b'd' | b'D')) {
            continue;
        }
        // `\\ud` is a backslash and two letters.
        if row[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1 {
            continue;
        }
        match code_point(&row[at + 2..]) {
            Ok((_, length)) => from = at + 2 + length,
            Err(Kind::LoneSurrogate) => return true,
            Err(_) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::marks::Marks;
    use proptest::prelude::*;

    fn marks(row: &[u8]) -> Marks {
        let mut marks = Marks::default();
        marks.extend(row);
        marks
    }

    fn members(row: &[u8]) -> Result<Vec<(String, Form, String)>, Kind> {
        let marks = marks(row);
        let mut members = Members::new(Marked::new(row, true, &marks, 0))?;
        let mut all = Vec::new();
        while let Some(key) = members.key()? {
            let value = members.value()?;
            let written = String::from_utf8_lossy(value.of(row)).into_owned();
            all.push((String::from_utf8_lossy(key).into_owned(), value.form, written));
        }
        Ok(all)
    }

    #[test]
    fn members_in_order() {
        let row = br#" { "a" : "x\"\\" , "b":[1,{"c":"]}"},[]], "d":-1.5e3,"e":null} "#;
        let expected = [
            ("a", Form::Text, r#"x\"\\"#),
            ("b", Form::Nested, r#"[1,{"c":"]}"},[]]"#),
            ("d", Form::Number, "-1.5e3"),
            ("e", Form::Null, "null"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(key, form, text)| ((*key).to_owned(), *form, (*text).to_owned())).collect();
        assert_eq!(members(row), Ok(expected));
        assert_eq!(members(b"{}"), Ok(vec![]));
    }

    #[test]
    fn damage_has_its_kind() {
        for cut in
            [r#"{"a": "#, r#"{"a"#, r#"{"a": 12"#, r#"{"a": [1, {"b": 2}"#, r#"{"a": "x"#, "{", r#"{"a": 1,"#]
        {
            assert_eq!(members(cut.as_bytes()), Err(Kind::CutRow), "{cut}");
        }
        assert_eq!(members(b"[1]"), Err(Kind::NotAnObject));
        assert_eq!(members(br#"{"a": 1} {"#), Err(Kind::TextAfterRow));
        for bad in [
            r#"{"a" 1}"#,
            r#"{"a": 01}"#,
            r#"{"a": tru}"#,
            r#"{, "a": 1}"#,
            r#"{"a": 1 "b": 2}"#,
            r#"{"a": 1. }"#,
        ] {
            assert_eq!(members(bad.as_bytes()), Err(Kind::InvalidJson), "{bad}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(br"\frac\u0041\ud83d\ude00\n\/").as_deref(), Ok("\u{c}racA\u{1F600}\n/"));
        assert_eq!(unescape(br"\ud83d"), Err(Kind::LoneSurrogate));
        assert_eq!(unescape(br"\ud83d\u0041"), Err(Kind::LoneSurrogate));
        assert_eq!(unescape(br"\x"), Err(Kind::InvalidJson));
        assert_eq!(unescape(b"\xff"), Err(Kind::BadUtf8));
        let finder = memchr::memmem::Finder::new(br"\u");
        for (row, lone) in [
            (r"\ud83d\ude00", false),
            (r"\\ud83d", false),
            (r"\ude00\ud83d", true),
            (r"\\\ud83d", true),
            (r"\uDE00", true),
        ] {
            assert_eq!(has_lone_surrogate(row.as_bytes(), &finder), lone, "{row}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_document(map in prop::collection::btree_map("[a-z\"\\\\]{0,30}", "(?s).{0,60}", 0..5), numbers in prop::collection::vec(any::<f64>(), 0..3)) {
            let mut document = serde_json::Map::new();
            for (key, value) in &map {
                document.insert(key.clone(), value.clone().into());
            }
            document.insert("numbers".into(), serde_json::json!({"deep": [numbers, {"]": "}"}]}));
            let row = serde_json::to_vec(&document).unwrap();
            let row_marks = marks(&row);
            let mut members = Members::new(Marked::new(&row, true, &row_marks, 0)).unwrap();
            let mut seen = 0;
            while let Some(key) = members.key().unwrap() {
                let value = members.value().unwrap();
                let key = unescape(key).unwrap();
                if value.form == Form::Text {
                    let text = unescape(value.of(&row)).unwrap();
                    prop_assert_eq!(document[&key].as_str(), Some(text.as_str()));
                } else {
                    prop_assert_eq!(key, "numbers");
                }
                seen += 1;
            }
            prop_assert_eq!(seen, document.len());
            // Cut anywhere, it is never read as whole.
            for end in 0..row.len() {
                prop_assert!(super::tests::members(&row[..end]).is_err());
            }
        }

        #[test]
        fn never_panics(row in prop::collection::vec(prop::sample::select(br#"{}[]":,\u d8a01-.eE"#.to_vec()), 0..40)) {
            let row_marks = marks(&row);
            if let Ok(mut members) = Members::new(Marked::new(&row, true, &row_marks, 0)) {
                while let Ok(Some(key)) = members.key() {
                    let _ = unescape(key);
                    if members.value().is_err() {
                        break;
                    }
                }
            }
            has_lone_surrogate(&row, &memchr::memmem::Finder::new(br"\u"));
        }
    }
}
