//! The immutable part of the file tree: Python's library and the packages, shared by every session of a process.
//!
//! On disk it is one file of contents and one JSON index, so that a session's start does not touch thousands of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::errno::Errno;
use crate::error::{Error, Result};

/// A file of the shared tree; cheap to clone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SharedFile {
    /// A span of the contents file.
    Packed {
        /// The contents file, open for reading; none until a saved one is attached to its tree.
        #[serde(skip)]
        file: Option<Arc<File>>,
        /// Where the span starts.
        offset: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// Bytes in memory, used while an image is being built.
    #[serde(skip)]
    Loaded(Arc<[u8]>),
}

/// A character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// Always at its end: `input()` raises `EOFError`.
    Stdin,
    /// The session's output.
    Stdout,
    /// The session's error output.
    Stderr,
    /// Swallows everything.
    Null,
    /// The session's random bytes.
    Random,
}

/// What a path of the shared tree is.
#[derive(Clone, Debug)]
pub enum SharedNode {
    /// A directory with the names in it.
    Dir(BTreeSet<String>),
    /// A file.
    File(SharedFile),
    /// A device under `/dev`.
    Device(Device),
}

/// Absolute, normalised path to node.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<String, SharedNode>,
    contents: Option<Arc<File>>,
}

#[derive(Serialize, Deserialize)]
struct Index {
    dirs: Vec<String>,
    /// Path, offset and length.
    files: Vec<(String, u64, u64)>,
}

impl SharedFile {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Packed { len, .. } => *len,
            Self::Loaded(bytes) => bytes.len() as u64,
        }
    }

    /// Reads at `position`; returns the number of bytes, 0 at the end.
    pub fn read_at(&self, position: u64, into: &mut [u8]) -> std::result::Result<usize, Errno> {
        let left = self.len().saturating_sub(position);
        let wanted = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let into = &mut into[..wanted];
        match self {
            Self::Loaded(bytes) if wanted > 0 => into.copy_from_slice(&bytes[position as usize..][..wanted]),
            Self::Packed { file, offset, .. } if wanted > 0 => {
                let file = file.as_ref().ok_or(Errno::IO)?;
                read_exact_at(file, into, offset + position).map_err(|_| Errno::IO)?;
            }
            _ => {}
        }
        Ok(wanted)
    }

    /// Connects a file of a saved session with the tree of its image.
    pub fn attach(&mut self, tree: &Tree) {
        if let Self::Packed { file, .. } = self {
            file.clone_from(&tree.contents);
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut into: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, offset)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                into = &mut into[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

/// Splits a part and its length off the front.
fn take_part<'a>(block: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = block.split_first_chunk::<8>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    *block = rest;
    Some(part)
}

impl Tree {
    /// A tree with the directories and devices that every session has.
    pub fn new() -> Self {
        let root = ("/".to_owned(), SharedNode::Dir(BTreeSet::new()));
        let mut tree = Self { nodes: BTreeMap::from([root]), contents: None };
        for dir in ["/home/user", "/tmp", "/dev"] {
            tree.add_dir(dir);
        }
        for (name, device) in [
            ("stdin", Device::Stdin),
            ("stdout", Device::Stdout),
            ("stderr", Device::Stderr),
            ("null", Device::Null),
            ("urandom", Device::Random),
            ("random", Device::Random),
        ] {
            tree.add(&format!("/dev/{name}"), SharedNode::Device(device));
        }
        tree
    }

    /// The node at an absolute, normalised path.
    pub fn get(&self, path: &str) -> Option<&SharedNode> {
        self.nodes.get(path)
    }

    /// Adds a file and the directories above it.
    pub fn add_file(&mut self, path: &str, file: SharedFile) {
        self.add(path, SharedNode::File(file));
    }

    /// Adds a directory and those above it.
    pub fn add_dir(&mut self, path: &str) {
        if !matches!(self.nodes.get(path), Some(SharedNode::Dir(_))) {
            self.add(path, SharedNode::Dir(BTreeSet::new()));
        }
    }

    fn add(&mut self, path: &str, node: SharedNode) {
        if let Some((parent, name)) = path.rsplit_once('/') {
            let parent = if parent.is_empty() { "/" } else { parent };
            self.add_dir(parent);
            if let Some(SharedNode::Dir(names)) = self.nodes.get_mut(parent) {
                names.insert(name.to_owned());
            }
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Copies a folder of the host to `at`.
    pub fn add_folder(&mut self, folder: &Path, at: &str) -> Result<()> {
        self.add_dir(at);
        let mut entries = std::fs::read_dir(folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(Error::file(folder))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let inside = format!("{at}/{}", entry.file_name().to_string_lossy());
            if path.is_dir() {
                self.add_folder(&path, &inside)?;
            } else {
                let bytes = std::fs::read(&path).map_err(Error::file(&path))?;
                self.add_file(&inside, SharedFile::Loaded(bytes.into()));
            }
        }
        Ok(())
    }

    /// Adds every file of another tree.
    pub fn absorb(&mut self, other: Self) {
        for (path, node) in other.nodes {
            match node {
                SharedNode::File(file) => self.add_file(&path, file),
                SharedNode::Dir(_) => self.add_dir(&path),
                SharedNode::Device(_) => {}
            }
        }
    }

    /// A hash of all paths and files.
    pub fn contents_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (path, file) in self.loaded() {
            for part in [path.as_bytes(), file] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize().into()
    }

    /// Paths and bytes of the files in memory, as one block.
    pub fn pack(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (path, file) in self.loaded() {
            for part in [path.as_bytes(), file] {
                block.extend_from_slice(&(part.len() as u64).to_le_bytes());
                block.extend_from_slice(part);
            }
        }
        block
    }

    /// The tree of a block that [`Tree::pack`] made.
    pub fn unpack(mut block: &[u8]) -> Option<Self> {
        let mut tree = Self::new();
        while !block.is_empty() {
            let path = String::from_utf8(take_part(&mut block)?.to_vec()).ok()?;
            tree.add_file(&path, SharedFile::Loaded(take_part(&mut block)?.into()));
        }
        Some(tree)
    }

    fn loaded(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.nodes.iter().filter_map(|(path, node)| match node {
            SharedNode::File(SharedFile::Loaded(bytes)) => Some((path.as_str(), &bytes[..])),
            _ => None,
        })
    }

    /// Writes the contents file and the index.
    pub fn save(&self, contents: &Path, index: &Path) -> Result<()> {
        let file = File::create(contents).map_err(Error::file(contents))?;
        let mut out = std::io::BufWriter::new(file);
        let mut listing = Index { dirs: Vec::new(), files: Vec::new() };
        let mut offset = 0;
        for (path, node) in &self.nodes {
            match node {
                SharedNode::Dir(_) => listing.dirs.push(path.clone()),
                SharedNode::Device(_) => {}
                SharedNode::File(file) => {
                    let mut bytes = vec![0; file.len() as usize];
                    file.read_at(0, &mut bytes).map_err(|_| Error::Image {
                        path: contents.to_owned(),
                        message: format!("cannot read {path}"),
                    })?;
                    out.write_all(&bytes).map_err(Error::file(contents))?;
                    listing.files.push((path.clone(), offset, file.len()));
                    offset += file.len();
                }
            }
        }
        out.flush().map_err(Error::file(contents))?;
        let json = serde_json::to_vec(&listing)
            .map_err(|error| Error::Image { path: index.to_owned(), message: error.to_string() })?;
        std::fs::write(index, json).map_err(Error::file(index))
    }

    /// Tells `hash` what lies where.
    pub fn digest(&self, hash: &mut impl FnMut(&[u8])) {
        for (path, node) in &self.nodes {
            hash(path.as_bytes());
            if let SharedNode::File(SharedFile::Packed { offset, len, .. }) = node {
                hash(&offset.to_le_bytes());
                hash(&len.to_le_bytes());
            }
        }
    }

    /// Opens what [`Tree::save`] wrote.
    pub fn open(contents: &Path, index: &Path) -> Result<Self> {
        let file = Arc::new(File::open(contents).map_err(Error::file(contents))?);
        let json = std::fs::read(index).map_err(Error::file(index))?;
        let listing: Index = serde_json::from_slice(&json)
            .map_err(|error| Error::Image { path: index.to_owned(), message: error.to_string() })?;
        let mut tree = Self::new();
        for dir in &listing.dirs {
            tree.add_dir(dir);
        }
        for (path, offset, len) in listing.files {
            tree.add_file(&path, SharedFile::Packed { file: Some(Arc::clone(&file)), offset, len });
        }
        tree.contents = Some(file);
        Ok(tree)
    }
}
