//! A module as its list of sections.

use std::fmt::Display;

use wasm_encoder::{Encode, Module, RawSection, SectionId};
use wasmparser::{Parser, Payload, WasmFeatures};

use super::Error;

/// One section: its id byte and its contents without the size prefix.
pub struct Section<'a> {
    pub id: u8,
    pub contents: &'a [u8],
}

impl Section<'_> {
    pub fn is(&self, id: SectionId) -> bool {
        self.id == id as u8
    }

    /// The name of a custom section.
    pub fn custom_name(&self) -> Option<&str> {
        if !self.is(SectionId::Custom) {
            return None;
        }
        wasmparser::BinaryReader::new(self.contents, 0).read_string().ok()
    }
}

/// A parser that accepts legacy exceptions beside everything standard.
pub fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(WasmFeatures::all());
    parser
}

/// Every section of a core module in file order, custom sections included.
pub fn split(wasm: &[u8]) -> Result<Vec<Section<'_>>, Error> {
    let mut sections = Vec::new();
    for payload in parser().parse_all(wasm) {
        let payload = payload?;
        if let Payload::Version { encoding: wasmparser::Encoding::Component, .. } = payload {
            return Err(Error::Unsupported("it is a component, not a core module".into()));
        }
        if let Some((id, range)) = payload.as_section() {
            sections.push(Section { id, contents: &wasm[range] });
        }
    }
    Ok(sections)
}

/// The module made of these sections.
pub fn join<'a>(sections: impl IntoIterator<Item = Section<'a>>) -> Vec<u8> {
    let mut module = Module::new();
    for section in sections {
        module.section(&RawSection { id: section.id, data: section.contents });
    }
    module.finish()
}

/// What a built section holds, without the size that its encoding starts with: [`join`] writes that.
pub fn contents_of(section: &impl Encode) -> Result<Vec<u8>, Error> {
    let mut encoded = Vec::new();
    section.encode(&mut encoded);
    let mut reader = wasmparser::BinaryReader::new(&encoded, 0);
    reader.read_var_u32()?;
    let start = reader.original_position();
    encoded.drain(..start);
    Ok(encoded)
}

/// For conversion errors whose type carries nothing more than their text.
pub fn malformed(error: impl Display) -> Error {
    Error::Unsupported(error.to_string())
}
