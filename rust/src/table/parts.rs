//! Files of columns: sidecars beside outputs, parts that travel between machines, and what is spilled to disk.
//!
//! Arrow IPC, one record batch per part ([`super::ipc`]), so that one part can be read without the others. The footer
//! carries facts about the parts and a digest of each, which is checked before a byte of it is decoded.

use super::columns::Columns;
use super::ipc;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::writer::FileWriter;
use arrow_ipc::{Block, MetadataVersion, root_as_footer};
use arrow_schema::ArrowError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Raised when the layout changes; files of another version are made anew from their source.
pub const VERSION: u32 = 2;
const KEY: &str = "mathforge.samples";

/// What a file of parts cannot be read for.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The system's error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not Arrow, or damaged.
    #[error("not a file of samples, or damaged: {0}")]
    Arrow(#[from] ArrowError),
    /// Arrow, but not ours.
    #[error("not a file of samples of version {VERSION}")]
    Version,
    /// Bytes that are not those written.
    #[error("damaged: its bytes are not those that were written")]
    Digest,
    /// Numbers that point nowhere.
    #[error("damaged: its columns do not fit each other")]
    Inconsistent,
    /// A part beyond the last.
    #[error("there are {0} parts, no more")]
    NoSuchPart(usize),
}

/// Facts about parts, by name.
pub type Facts = BTreeMap<String, String>;

/// What the footer says of the parts.
#[derive(Debug, Serialize, Deserialize)]
struct Label {
    version: u32,
    facts: Facts,
    digests: Vec<u64>,
    /// Of version, facts and digests: a flipped bit in any of them is seen.
    own: u64,
}

impl Label {
    fn new(facts: Facts, digests: Vec<u64>) -> Self {
        let own = Self::digest(&facts, &digests);
        Self { version: VERSION, facts, digests, own }
    }

    fn digest(facts: &Facts, digests: &[u64]) -> u64 {
        let mut digest = Digest::default();
        for text in facts.iter().flat_map(|(name, value)| [name, value]) {
            digest.add(&(text.len() as u64).to_le_bytes());
            digest.add(text.as_bytes());
        }
        for one in digests {
            digest.add(&one.to_le_bytes());
        }
        digest.finish()
    }
}

/// A checksum in which every changed word shows: each step is a bijection of the state.
#[derive(Debug, Default)]
struct Digest {
    state: u64,
    word: [u8; 8],
    length: u64,
}

impl Digest {
    fn add(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 8) as usize;
        self.length += bytes.len() as u64;
        if held > 0 {
            let taken = bytes.len().min(8 - held);
            self.word[held..held + taken].copy_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if held + taken < 8 {
                return;
            }
            self.step(u64::from_le_bytes(self.word));
        }
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.step(u64::from_le_bytes(*word));
        }
        self.word[..rest.len()].copy_from_slice(rest);
    }

    fn step(&mut self, word: u64) {
        self.state = (self.state ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }

    fn finish(mut self) -> u64 {
        let held = (self.length % 8) as usize;
        self.word[held..].fill(0);
        self.step(u64::from_le_bytes(self.word));
        self.step(self.length);
        self.state
    }
}

/// Writes on, and keeps a digest of what was written since it was last asked for.
struct Digesting<W> {
    out: W,
    digest: Digest,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes parts, with facts about them.
pub fn write(parts: &[&Columns], facts: Facts, out: impl Write) -> Result<(), PartError> {
    let out = Digesting { out, digest: Digest::default() };
    let mut writer = FileWriter::try_new(out, ipc::schema()?.as_ref())?;
    writer.get_mut().digest = Digest::default();
    let mut digests = Vec::with_capacity(parts.len());
    for part in parts {
        writer.write(&ipc::encode(part)?)?;
        digests.push(std::mem::take(&mut writer.get_mut().digest).finish());
    }
    let label = serde_json::to_string(&Label::new(facts, digests)).map_err(io::Error::from)?;
    writer.write_metadata(KEY, label);
    writer.finish()?;
    Ok(())
}

/// An open file of parts.
#[derive(Debug)]
pub struct Parts<R> {
    source: R,
    decoder: FileDecoder,
    blocks: Vec<(Block, u64)>,
    facts: Facts,
}

impl<R: Read + Seek> Parts<R> {
    /// Reads the footer, and no part yet.
    pub fn open(mut source: R) -> Result<Self, PartError> {
        let size = source.seek(SeekFrom::End(0))?;
        let mut end = [0; 10];
        source.seek(SeekFrom::Start(size.checked_sub(10).ok_or(PartError::Version)?))?;
        source.read_exact(&mut end)?;
        let length = read_footer_length(end)? as u64;
        let start = (size - 10).checked_sub(length).ok_or(PartError::Version)?;
        let mut bytes = vec![0; length as usize];
        source.seek(SeekFrom::Start(start))?;
        source.read_exact(&mut bytes)?;
        let footer = root_as_footer(&bytes).map_err(|_| PartError::Version)?;
        let label = footer
            .custom_metadata()
            .and_then(|all| all.iter().find(|entry| entry.key() == Some(KEY)))
            .and_then(|entry| entry.value())
            .ok_or(PartError::Version)?;
        let label: Label = serde_json::from_str(label).map_err(|_| PartError::Version)?;
        if label.version != VERSION {
            return Err(PartError::Version);
        }
        let blocks: Vec<Block> =
            footer.recordBatches().map(|all| all.iter().copied().collect()).unwrap_or_default();
        let inside = |block: &Block| {
            let end = block.offset().checked_add(i64::from(block.metaDataLength()));
            let end = end.and_then(|end| end.checked_add(block.bodyLength()));
            block.offset() >= 0
                && block.metaDataLength() >= 0
                && block.bodyLength() >= 0
                && end.is_some_and(|end| end as u64 <= size)
        };
        if label.own != Label::digest(&label.facts, &label.digests)
            || label.digests.len() != blocks.len()
            || !blocks.iter().all(inside)
        {
            return Err(PartError::Digest);
        }
        let decoder = FileDecoder::new(ipc::schema()?, MetadataVersion::V5);
        Ok(Self {
            source,
            decoder,
            blocks: blocks.into_iter().zip(label.digests).collect(),
            facts: label.facts,
        })
    }

    /// Number of parts.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// What was written about the parts.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// One part.
    pub fn part(&mut self, at: usize) -> Result<Columns, PartError> {
        let (block, digest) = self.blocks.get(at).ok_or(PartError::NoSuchPart(self.blocks.len()))?;
        let mut bytes = vec![0; (i64::from(block.metaDataLength()) + block.bodyLength()) as usize];
        self.source.seek(SeekFrom::Start(block.offset() as u64))?;
        self.source.read_exact(&mut bytes)?;
        let mut found = Digest::default();
        found.add(&bytes);
        if found.finish() != *digest {
            return Err(PartError::Digest);
        }
        let batch = self.decoder.read_record_batch(block, &Buffer::from_vec(bytes))?;
        ipc::decode(&batch.ok_or(PartError::Inconsistent)?)
    }

    /// All parts together.
    pub fn all(&mut self) -> Result<Columns, PartError> {
        let mut all = Columns::default();
        for at in 0..self.len() {
            all.merge(self.part(at)?);
        }
        Ok(all)
    }
}
