//! Open files of a session. Descriptors made by `dup` share one open file, so they share its position.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::errno::Errno;
use crate::vfs::{Ino, SharedFile};

/// What an open file reads from or writes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Target {
    /// A directory, by path, with its listing once it has been read.
    Dir(Option<Vec<String>>),
    /// A file of the shared tree.
    Shared(SharedFile),
    /// A file of the overlay.
    File(Ino),
    /// A device.
    Device(crate::vfs::Device),
}

/// An open file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Open {
    /// What it refers to.
    pub target: Target,
    /// Its path when it was opened.
    pub path: String,
    /// Byte offset, or index into a directory's listing.
    pub position: u64,
    /// The flags of `open`.
    pub flags: u32,
    references: usize,
}

/// Most descriptors a session may hold.
const MAX_OPEN: u32 = 1024;

/// The descriptor table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Descriptors {
    numbers: BTreeMap<u32, u64>,
    open: BTreeMap<u64, Open>,
    next: u64,
}

impl Descriptors {
    /// Opens with the lowest free number.
    pub fn add(&mut self, target: Target, path: String, flags: u32) -> Result<u32, Errno> {
        let fd = self.free_from(0)?;
        self.next += 1;
        self.open.insert(self.next, Open { target, path, position: 0, flags, references: 1 });
        self.numbers.insert(fd, self.next);
        Ok(fd)
    }

    /// The open file behind a number.
    pub fn get(&mut self, fd: u32) -> Result<&mut Open, Errno> {
        let key = self.numbers.get(&fd).ok_or(Errno::BADF)?;
        self.open.get_mut(key).ok_or(Errno::BADF)
    }

    /// A second number, the lowest free one from `lowest`, for the same open file.
    pub fn duplicate(&mut self, fd: u32, lowest: u32) -> Result<u32, Errno> {
        let new = self.free_from(lowest)?;
        self.share(fd, new)?;
        Ok(new)
    }

    /// Makes `new`, which must be free, refer to the open file of `fd`.
    pub fn share(&mut self, fd: u32, new: u32) -> Result<(), Errno> {
        if new >= MAX_OPEN {
            return Err(Errno::BADF);
        }
        self.get(fd)?.references += 1;
        let key = self.numbers[&fd];
        self.numbers.insert(new, key);
        Ok(())
    }

    /// Closes a number; returns the open file when that was its last one.
    pub fn close(&mut self, fd: u32) -> Result<Option<Open>, Errno> {
        let key = self.numbers.remove(&fd).ok_or(Errno::BADF)?;
        let open = self.open.get_mut(&key).ok_or(Errno::BADF)?;
        open.references -= 1;
        Ok(if open.references == 0 { self.open.remove(&key) } else { None })
    }

    /// The files of the shared tree that are open, which a restored session has to find again.
    pub fn shared_files(&mut self) -> impl Iterator<Item = &mut SharedFile> {
        self.open.values_mut().filter_map(|open| match &mut open.target {
            Target::Shared(file) => Some(file),
            _ => None,
        })
    }

    fn free_from(&self, lowest: u32) -> Result<u32, Errno> {
        (lowest..MAX_OPEN).find(|fd| !self.numbers.contains_key(fd)).ok_or(Errno::MFILE)
    }
}
