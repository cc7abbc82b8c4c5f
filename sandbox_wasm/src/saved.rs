//! A session's state as a file: what differs from the image, so a few MiB.
//!
//! Layout, all numbers little-endian: the line [`MAGIC`]; length of the header (u64) and the header (JSON, [`Header`]);
//! the pages in the order of their numbers, 4096 bytes each; the bytes of the session's files in the order of the
//! header; CRC-32 (u32) of everything before it, against damage and not against malice. The header names the image by hash: on another one the pages would mean
//! nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crc32fast::Hasher as Crc32;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checkpoint::{Checkpoint, Pages};
use crate::clock::{Clock, SavedClock};
use crate::descriptors::Descriptors;
use crate::error::{Error, Result};
use crate::host::Kept;
use crate::image::Image;
use crate::instance::TableState;
use crate::pages::PAGE_BYTES;
use crate::random::Random;
use crate::vfs::{Ino, Vfs};

const MAGIC: &[u8] = b"mathforge session state 2\n";
const CHECKSUM_BYTES: usize = 4;

#[derive(Serialize, Deserialize)]
struct Header {
    image: String,
    memory_bytes: usize,
    globals: Vec<i32>,
    table: TableState,
    vfs: Vfs,
    descriptors: Descriptors,
    clock: SavedClock,
    random: Random,
    pages: Vec<u32>,
    /// Number and length of each file of the overlay.
    files: Vec<(Ino, u64)>,
}

/// Hash of everything that a session's state is relative to.
pub fn identity(image: &Image) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(image.program.pristine());
    hash.update(json(&(&image.table, &image.runner))?);
    image.tree.digest(&mut |bytes| hash.update(bytes));
    Ok(hex(&hash.finalize()))
}

/// Writes `checkpoint` to `path`, whole or not at all.
pub fn save(checkpoint: &Checkpoint, identity: &str, path: &Path) -> Result<()> {
    let Checkpoint { pages, memory_bytes, globals, table, kept } = checkpoint;
    let header = json(&Header {
        image: identity.to_owned(),
        memory_bytes: *memory_bytes,
        globals: globals.clone(),
        table: table.clone(),
        vfs: kept.vfs.clone(),
        descriptors: kept.descriptors.clone(),
        clock: kept.clock.save(),
        random: kept.random.clone(),
        pages: pages.keys().copied().collect(),
        files: kept.vfs.contents().map(|(ino, data)| (ino, data.len() as u64)).collect(),
    })?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", Random::draw_seed()));
    let part = path.with_file_name(name);
    let write = || -> std::io::Result<()> {
        let mut out = Summing { inner: BufWriter::new(File::create(&part)?), checksum: Crc32::new() };
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for page in pages.values() {
            out.write_all(page)?;
        }
        for (_, data) in kept.vfs.contents() {
            out.write_all(data)?;
        }
        let checksum = out.checksum.finalize();
        out.inner.write_all(&checksum.to_le_bytes())?;
        out.inner.flush()?;
        std::fs::rename(&part, path)
    };
    write().map_err(|source| {
        let _ = std::fs::remove_file(&part);
        Error::file(path)(source)
    })
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// When the file is damaged or of another image.
pub fn load(path: &Path, image: &Image, identity: &str) -> Result<Checkpoint> {
    let damaged = |message: &str| Error::State { path: path.to_owned(), message: message.to_owned() };
    let file = File::open(path).map_err(Error::file(path))?;
    let len = file.metadata().map_err(Error::file(path))?.len();
    let mut input = Summing { inner: BufReader::new(file.take(len)), checksum: Crc32::new() };
    let cut = |_| damaged("it is cut short");

    if input.bytes(MAGIC.len()).map_err(cut)? != MAGIC {
        return Err(damaged("it is no session state, or one of another version"));
    }
    let header_len = input.number().map_err(cut)?;
    if header_len > len {
        return Err(damaged("it is cut short"));
    }
    let header = input.bytes(header_len as usize).map_err(cut)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| damaged("its header is damaged"))?;
    if header.image != identity {
        return Err(damaged(
            "it was saved from another image; restore it with the packages and the version it was saved with",
        ));
    }
    let in_files = header.files.iter().try_fold(0_u64, |sum, (_, len)| sum.checked_add(*len));
    let body = in_files.and_then(|files| files.checked_add((header.pages.len() * PAGE_BYTES) as u64));
    let before = (MAGIC.len() + 8 + CHECKSUM_BYTES) as u64 + header_len;
    if body.and_then(|body| body.checked_add(before)) != Some(len) {
        return Err(damaged("its length is wrong"));
    }
    let mut pages = Pages::new();
    for &number in &header.pages {
        pages.insert(number, Arc::from(input.bytes(PAGE_BYTES).map_err(cut)?));
    }
    let mut contents = BTreeMap::new();
    for &(ino, len) in &header.files {
        contents.insert(ino, input.bytes(len as usize).map_err(cut)?);
    }
    let computed = input.checksum.finalize();
    let mut recorded = [0; CHECKSUM_BYTES];
    input.inner.read_exact(&mut recorded).map_err(cut)?;
    if computed != u32::from_le_bytes(recorded) {
        return Err(damaged("its checksum is wrong"));
    }
    restored(header, pages, contents, image).ok_or_else(|| damaged("its files do not fit together"))
}

fn restored(
    header: Header,
    pages: Pages,
    contents: BTreeMap<Ino, Vec<u8>>,
    image: &Image,
) -> Option<Checkpoint> {
    let Header { memory_bytes, globals, table, mut vfs, mut descriptors, clock, random, .. } = header;
    vfs.mount(Arc::clone(&image.tree));
    for file in descriptors.shared_files() {
        file.attach(&image.tree);
    }
    for (ino, data) in contents {
        if !vfs.fill(ino, data) {
            return None;
        }
    }
    let kept = Kept { vfs, descriptors, clock: Clock::restore(&clock), random };
    Some(Checkpoint { pages, memory_bytes, globals, table, kept })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Wasm(error.to_string()))
}

/// Lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Passes bytes on and sums them up.
struct Summing<T> {
    inner: T,
    checksum: Crc32,
}

impl<T: Write> Summing<T> {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.checksum.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<T: Read> Summing<T> {
    fn bytes(&mut self, len: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Grows as it reads, so that a wrong length cannot ask for more memory than the file has.
        let read = self.inner.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        if read < len {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.checksum.update(&bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> std::io::Result<u64> {
        let bytes = self.bytes(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }
}
