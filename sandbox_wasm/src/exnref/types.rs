//! The types that block types and tags refer to, and the ones that translation adds.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, ValType};
use wasmparser::{CompositeInnerType, Payload, TypeRef};

use crate::edit::{Error, malformed, parser};

type Signature = (Vec<ValType>, Vec<ValType>);

#[derive(Default)]
pub struct Types {
    /// By type index; None for a type that is not a function's.
    declared: Vec<Option<Signature>>,
    added: Vec<Signature>,
    /// Type index of every tag, imported ones first.
    tags: Vec<u32>,
    /// Type index of every function that the module defines.
    functions: Vec<u32>,
}

impl Types {
    pub fn of(wasm: &[u8]) -> Result<Self, Error> {
        let mut types = Self::default();
        for payload in parser().parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for sub_type in group?.into_types() {
                            types.declared.push(match sub_type.composite_type.inner {
                                CompositeInnerType::Func(ty) => {
                                    Some((values(ty.params())?, values(ty.results())?))
                                }
                                _ => None,
                            });
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Tag(tag) = import?.ty {
                            types.tags.push(tag.func_type_idx);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    types.functions = section.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::TagSection(section) => {
                    for tag in section {
                        types.tags.push(tag?.func_type_idx);
                    }
                }
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        Ok(types)
    }

    /// What a tag carries.
    pub fn payload(&self, tag: u32) -> Result<Vec<ValType>, Error> {
        let index = self.tags.get(tag as usize).ok_or_else(|| Error::Missing(format!("tag {tag}")))?;
        Ok(self.signature(*index)?.0.clone())
    }

    /// How many parameters the n-th defined function takes.
    pub fn parameters_of_function(&self, defined: usize) -> Result<u32, Error> {
        let index =
            self.functions.get(defined).ok_or_else(|| Error::Missing(format!("function {defined}")))?;
        Ok(self.signature(*index)?.0.len() as u32)
    }

    pub fn params(&self, block: BlockType) -> Result<Vec<ValType>, Error> {
        match block {
            BlockType::FunctionType(index) => Ok(self.signature(index)?.0.clone()),
            BlockType::Empty | BlockType::Result(_) => Ok(Vec::new()),
        }
    }

    /// The block type for these, adding a function type to the module where the short forms do not suffice.
    pub fn block_type(&mut self, params: &[ValType], results: &[ValType]) -> BlockType {
        match (params, results) {
            ([], []) => return BlockType::Empty,
            ([], [one]) => return BlockType::Result(*one),
            _ => {}
        }
        let known = self.added.iter().position(|(p, r)| p == params && r == results);
        let place = known.unwrap_or_else(|| {
            self.added.push((params.to_vec(), results.to_vec()));
            self.added.len() - 1
        });
        BlockType::FunctionType((self.declared.len() + place) as u32)
    }

    /// The types to append to the module's own.
    pub fn into_added(self) -> Vec<Signature> {
        self.added
    }

    fn signature(&self, index: u32) -> Result<&Signature, Error> {
        (self.declared.get(index as usize).and_then(Option::as_ref))
            .ok_or_else(|| Error::Missing(format!("function type {index}")))
    }
}

fn values(types: &[wasmparser::ValType]) -> Result<Vec<ValType>, Error> {
    types.iter().map(|ty| RoundtripReencoder.val_type(*ty).map_err(malformed)).collect()
}
