//! The guest's file system: the shared tree below, a copy-on-write overlay of the session above it.
//!
//! The overlay maps whole paths, so cloning it is cheap and removing a shared file is one entry. Directories are only
//! removed when empty, therefore no shared path is ever visible below a removed one.

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
pub use tree::{Device, SharedFile, SharedNode, Tree};

use crate::errno::Errno;

type Result<T> = std::result::Result<T, Errno>;

/// Number of a file of the overlay.
pub type Ino = u64;

/// What a path is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Node {
    /// A directory.
    Dir,
    /// A file of the shared tree, as yet unchanged.
    Shared(SharedFile),
    /// A file of the overlay.
    File(Ino),
    /// A device.
    Device(Device),
}

#[derive(Clone, Serialize, Deserialize)]
enum Entry {
    Removed,
    Node(Node),
}

#[derive(Clone, Serialize, Deserialize)]
struct Inode {
    /// Saved apart from the rest, see [`Vfs::contents`].
    #[serde(skip)]
    data: Arc<Vec<u8>>,
    /// One for the path, one for every open descriptor.
    links: usize,
    modified_ns: u64,
}

/// File system of one session. A saved one holds neither the shared tree nor the bytes of its files.
#[derive(Clone, Serialize, Deserialize)]
pub struct Vfs {
    #[serde(skip)]
    tree: Arc<Tree>,
    overlay: BTreeMap<String, Entry>,
    inodes: BTreeMap<Ino, Inode>,
    next_ino: Ino,
    /// Current directory, absolute.
    pub cwd: String,
    used_bytes: usize,
    #[serde(skip)]
    cap_bytes: usize,
}

/// Time stamp of everything in the shared tree: 2023-11-14, a fixed date so that images are reproducible.
pub const SHARED_TIME_NS: u64 = 1_700_000_000_000_000_000;

impl Vfs {
    /// A fresh view of `tree`; files written by the session may hold `cap_bytes` in all.
    pub fn new(tree: Arc<Tree>, cap_bytes: usize) -> Self {
        Self {
            tree,
            overlay: BTreeMap::new(),
            inodes: BTreeMap::new(),
            next_ino: 1,
            cwd: "/home/user".to_owned(),
            used_bytes: 0,
            cap_bytes,
        }
    }

    /// Makes a path absolute and removes `.`, `..` and double slashes.
    pub fn normalise(&self, base: Option<&str>, path: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        let start = if path.starts_with('/') { "" } else { base.unwrap_or(&self.cwd) };
        for part in start.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// The node at a normalised path.
    pub fn get(&self, path: &str) -> Result<Node> {
        match self.overlay.get(path) {
            Some(Entry::Node(node)) => return Ok(node.clone()),
            Some(Entry::Removed) => {}
            None => match self.tree.get(path) {
                Some(SharedNode::Dir(_)) => return Ok(Node::Dir),
                Some(SharedNode::File(file)) => return Ok(Node::Shared(file.clone())),
                Some(SharedNode::Device(device)) => return Ok(Node::Device(*device)),
                None => {}
            },
        }
        let above_is_file = match parent(path) {
            "/" => false,
            above => !matches!(self.get(above), Ok(Node::Dir) | Err(Errno::NOENT)),
        };
        Err(if above_is_file { Errno::NOTDIR } else { Errno::NOENT })
    }

    /// Names in a directory, sorted.
    pub fn list(&self, path: &str) -> Result<Vec<String>> {
        if !matches!(self.get(path)?, Node::Dir) {
            return Err(Errno::NOTDIR);
        }
        let mut names: BTreeSet<String> = match self.tree.get(path) {
            Some(SharedNode::Dir(names)) => names.clone(),
            _ => BTreeSet::new(),
        };
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        for (inside, entry) in
            self.overlay.range(prefix.clone()..).take_while(|(p, _)| p.starts_with(&prefix))
        {
            let name = &inside[prefix.len()..];
            if name.is_empty() || name.contains('/') {
                continue;
            }
            match entry {
                Entry::Removed => names.remove(name),
                Entry::Node(_) => names.insert(name.to_owned()),
            };
        }
        Ok(names.into_iter().collect())
    }

    /// Creates an empty file; the directory must exist.
    pub fn create(&mut self, path: &str, now_ns: u64) -> Result<Ino> {
        self.writable_dir(parent(path))?;
        let ino = self.new_inode(Vec::new(), now_ns);
        self.place(path, Node::File(ino)).inspect_err(|_| self.release(ino))?;
        Ok(ino)
    }

    /// Makes a shared file writable by copying it into the overlay.
    pub fn copy_up(&mut self, path: &str, file: &SharedFile, now_ns: u64) -> Result<Ino> {
        self.reserve(file.len() as usize)?;
        let mut data = vec![0; file.len() as usize];
        file.read_at(0, &mut data)?;
        let ino = self.new_inode(data, now_ns);
        self.place(path, Node::File(ino)).inspect_err(|_| self.release(ino))?;
        Ok(ino)
    }

    /// Creates a directory.
    pub fn make_dir(&mut self, path: &str) -> Result<()> {
        if self.get(path).is_ok() {
            return Err(Errno::EXIST);
        }
        self.writable_dir(parent(path))?;
        self.place(path, Node::Dir)
    }

    /// Removes a file.
    pub fn unlink(&mut self, path: &str) -> Result<()> {
        match self.get(path)? {
            Node::Dir => Err(Errno::ISDIR),
            Node::Device(_) => Err(Errno::PERM),
            node => {
                self.forget(path);
                if let Node::File(ino) = node {
                    self.release(ino);
                }
                Ok(())
            }
        }
    }

    /// Removes an empty directory.
    pub fn remove_dir(&mut self, path: &str) -> Result<()> {
        if !self.list(path)?.is_empty() {
            return Err(Errno::NOTEMPTY);
        }
        self.writable_dir(path)?;
        self.forget(path);
        Ok(())
    }

    /// Moves a file or a directory, replacing a file or an empty directory at the target.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let node = self.get(from)?;
        self.writable_dir(parent(from))?;
        self.writable_dir(parent(to))?;
        if from == to {
            return Ok(());
        }
        let is_dir = matches!(node, Node::Dir);
        if is_dir && to.starts_with(&format!("{from}/")) {
            return Err(Errno::INVAL);
        }
        match self.get(to) {
            Ok(Node::Dir) if is_dir => self.remove_dir(to)?,
            Ok(Node::Dir) => return Err(Errno::ISDIR),
            Ok(_) if is_dir => return Err(Errno::NOTDIR),
            Ok(_) => self.unlink(to)?,
            Err(_) => {}
        }
        let children = if is_dir { self.list(from)? } else { Vec::new() };
        self.place(to, node)?;
        for name in children {
            self.rename(&format!("{from}/{name}"), &format!("{to}/{name}"))?;
        }
        self.forget(from);
        Ok(())
    }

    /// Length and time of last change in nanoseconds.
    pub fn file_facts(&self, ino: Ino) -> (u64, u64) {
        self.inodes.get(&ino).map_or((0, 0), |inode| (inode.data.len() as u64, inode.modified_ns))
    }

    /// Bytes of an overlay file.
    pub fn data(&self, ino: Ino) -> &[u8] {
        self.inodes.get(&ino).map_or(&[], |inode| &inode.data)
    }

    /// Writes at `position`, filling a gap with zeros.
    pub fn write_at(&mut self, ino: Ino, position: u64, bytes: &[u8], now_ns: u64) -> Result<()> {
        let start = usize::try_from(position).map_err(|_| Errno::NOSPC)?;
        let end = start.checked_add(bytes.len()).ok_or(Errno::NOSPC)?;
        if end > self.data(ino).len() {
            self.truncate(ino, end as u64, now_ns)?;
        }
        let inode = self.inodes.get_mut(&ino).ok_or(Errno::BADF)?;
        inode.modified_ns = now_ns;
        Arc::make_mut(&mut inode.data)[start..end].copy_from_slice(bytes);
        Ok(())
    }

    /// Sets the length of an overlay file.
    pub fn truncate(&mut self, ino: Ino, len: u64, now_ns: u64) -> Result<()> {
        let len = usize::try_from(len).map_err(|_| Errno::NOSPC)?;
        let old = self.data(ino).len();
        if len > old {
            self.reserve(len - old)?;
        } else {
            self.used_bytes -= old - len;
        }
        let inode = self.inodes.get_mut(&ino).ok_or(Errno::BADF)?;
        inode.modified_ns = now_ns;
        Arc::make_mut(&mut inode.data).resize(len, 0);
        Ok(())
    }

    /// A descriptor now refers to the file.
    pub fn retain(&mut self, ino: Ino) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.links += 1;
        }
    }

    /// A descriptor or the path no longer refers to the file.
    pub fn release(&mut self, ino: Ino) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.links -= 1;
            if inode.links == 0 {
                self.used_bytes -= inode.data.len();
                self.inodes.remove(&ino);
            }
        }
    }

    /// Every file of the overlay with its bytes, for packing an image.
    pub fn written_files(&self) -> impl Iterator<Item = (&str, &Arc<Vec<u8>>)> {
        self.overlay.iter().filter_map(|(path, entry)| match entry {
            Entry::Node(Node::File(ino)) => self.inodes.get(ino).map(|inode| (path.as_str(), &inode.data)),
            _ => None,
        })
    }

    /// The bytes of every file of the overlay, removed ones that are still open among them.
    pub fn contents(&self) -> impl Iterator<Item = (Ino, &Arc<Vec<u8>>)> {
        self.inodes.iter().map(|(ino, inode)| (*ino, &inode.data))
    }

    /// Gives a file of a saved overlay its bytes back; false when there is no such file.
    pub fn fill(&mut self, ino: Ino, data: Vec<u8>) -> bool {
        let inode = self.inodes.get_mut(&ino);
        inode.map(|inode| inode.data = Arc::new(data)).is_some()
    }

    /// Puts a saved overlay on top of `tree` again.
    pub fn mount(&mut self, tree: Arc<Tree>) {
        for entry in self.overlay.values_mut() {
            if let Entry::Node(Node::Shared(file)) = entry {
                file.attach(&tree);
            }
        }
        self.tree = tree;
    }

    /// Sets what the files may hold in all; what is already there stays.
    pub fn set_cap(&mut self, cap_bytes: usize) {
        self.cap_bytes = cap_bytes;
    }

    fn new_inode(&mut self, data: Vec<u8>, now_ns: u64) -> Ino {
        let ino = self.next_ino;
        self.next_ino += 1;
        self.inodes.insert(ino, Inode { data: Arc::new(data), links: 1, modified_ns: now_ns });
        ino
    }

    fn reserve(&mut self, bytes: usize) -> Result<()> {
        let used = self.used_bytes.checked_add(bytes).ok_or(Errno::NOSPC)?;
        if used > self.cap_bytes {
            return Err(Errno::NOSPC);
        }
        self.used_bytes = used;
        Ok(())
    }

    /// Puts a node at a path. Paths count against the cap, or a session could fill the host with empty files.
    fn place(&mut self, path: &str, node: Node) -> Result<()> {
        if !self.overlay.contains_key(path) {
            self.reserve(path_cost(path))?;
        }
        self.overlay.insert(path.to_owned(), Entry::Node(node));
        Ok(())
    }

    /// Hides the path; what the overlay alone knew is simply dropped.
    fn forget(&mut self, path: &str) {
        if self.tree.get(path).is_some() {
            // At most one small entry for every file of the image.
            if self.overlay.insert(path.to_owned(), Entry::Removed).is_none() {
                self.used_bytes += path_cost(path);
            }
        } else if self.overlay.remove(path).is_some() {
            self.used_bytes -= path_cost(path);
        }
    }

    fn writable_dir(&self, path: &str) -> Result<()> {
        match self.get(path)? {
            Node::Dir if path == "/dev" => Err(Errno::PERM),
            Node::Dir => Ok(()),
            _ => Err(Errno::NOTDIR),
        }
    }
}

/// What an entry of the overlay costs the host, generously.
fn path_cost(path: &str) -> usize {
    path.len() + 256
}

/// The directory a normalised path lies in.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((above, _)) => above,
    }
}

#[cfg(test)]
mod tests;
