//! Compiled code with room for a memory image, compiled once whatever the image.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Seek, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

use wasmtime::{Engine, Module};

use crate::cache::{Cache, key};
use crate::edit;
use crate::error::{Error, Result};

/// Zero pages are left out of the file in this unit, the kernel's page size.
const PAGE_BYTES: usize = 4096;

/// A compiled module, and what its memory starts with.
pub struct Code {
    /// The module, ready to be instantiated; its memory has to be filled first.
    pub module: Module,
    /// What with.
    pub memory: Vec<u8>,
    compiled: Vec<u8>,
    place: Range<usize>,
}

impl Code {
    /// Compiles `wasm`, or finds it compiled, for images of up to `bytes` bytes.
    pub fn of(engine: &Engine, wasm: &[u8], bytes: usize, cache: &Cache<'_>) -> Result<Self> {
        let edited = |error: edit::Error| Error::Wasm(error.to_string());
        let template = edit::template(wasm, bytes).map_err(edited)?;
        let mut compatibility = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut compatibility);
        let memory = template.memory;
        let size = (memory.len() as u64).to_le_bytes();
        let name = key([wasm, &size, &compatibility.finish().to_le_bytes()]);
        if let Some(code) = cache.get("code", &name).and_then(|packed| Self::unpack(engine, &packed, &memory))
        {
            return Ok(code);
        }
        let compiled =
            engine.precompile_module(&template.wasm).map_err(Error::engine("compiling the interpreter"))?;
        let place = edit::placeholder(&compiled, memory.len()).map_err(edited)?;
        let code = Self { module: load(engine, &compiled)?, memory, compiled, place };
        cache.put("code", &name, &code.pack());
        Ok(code)
    }

    /// The compiled code without its placeholder, which is nearly all zeros, behind the placeholder's position.
    fn pack(&self) -> Vec<u8> {
        let position = (self.place.start as u64).to_le_bytes();
        [&position, &self.compiled[..self.place.start], &self.compiled[self.place.end..]].concat()
    }

    fn unpack(engine: &Engine, packed: &[u8], memory: &[u8]) -> Option<Self> {
        let (position, code) = packed.split_first_chunk::<8>()?;
        let start = usize::try_from(u64::from_le_bytes(*position)).ok()?;
        let (front, back) = code.split_at_checked(start)?;
        let place = start..start + memory.len();
        let compiled = [front, memory, back].concat();
        Some(Self { module: load(engine, &compiled).ok()?, memory: memory.to_vec(), compiled, place })
    }

    /// Writes the code with `image` as its memory.
    pub fn save(&self, image: &[u8], path: &Path) -> Result<()> {
        if image.len() != self.place.len() {
            return Err(Error::Wasm(format!("an image of {} bytes does not fit", image.len())));
        }
        let write = || {
            let mut file = File::create(path)?;
            file.write_all(&self.compiled[..self.place.start])?;
            for page in image.chunks(PAGE_BYTES) {
                if page.iter().all(|byte| *byte == 0) {
                    file.seek(SeekFrom::Current(page.len() as i64))?;
                } else {
                    file.write_all(page)?;
                }
            }
            file.write_all(&self.compiled[self.place.end..])
        };
        write().map_err(Error::file(path))
    }
}

fn load(engine: &Engine, compiled: &[u8]) -> Result<Module> {
    // SAFETY: these bytes were made by `precompile_module` of this engine, in this process or by an earlier build of
    // the same user, whose cache entry is checked by its hash. See `engine::load_compiled` for who could forge them.
    #[allow(unsafe_code)]
    let module = unsafe { Module::deserialize(engine, compiled) };
    module.map_err(Error::engine("loading compiled code"))
}
