//! Results of the slow steps of a build, kept for the next build: compiled code, and the library with its byte code.
//!
//! An entry is one file named by the hash of what it was made from, so it never goes stale; it starts with the hash of
//! its contents, so a damaged one is built again. Builders may run at the same time: files appear complete, by renaming.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

const SEAL_BYTES: usize = 32;
/// Entries of each kind that are kept.
const KEPT: usize = 4;

/// A folder of entries; without a folder nothing is kept.
pub struct Cache<'a>(pub Option<&'a Path>);

impl Cache<'_> {
    /// The entry `key` of a kind, unless it is absent or damaged.
    pub fn get(&self, kind: &str, key: &str) -> Option<Vec<u8>> {
        let path = self.path(kind, key)?;
        let mut bytes = std::fs::read(&path).ok()?;
        if bytes.len() < SEAL_BYTES || bytes[..SEAL_BYTES] != *Sha256::digest(&bytes[SEAL_BYTES..]) {
            return None;
        }
        // For `prune`, which may as well fail.
        let _ = std::fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..SEAL_BYTES);
        Some(bytes)
    }

    /// Keeps an entry. A full or unwritable disk costs the next build its time, no more.
    pub fn put(&self, kind: &str, key: &str, contents: &[u8]) {
        let Some(path) = self.path(kind, key) else { return };
        let temporary = path.with_extension(format!("{}.partial", std::process::id()));
        let write = || {
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(&temporary, [&Sha256::digest(contents)[..], contents].concat())?;
            std::fs::rename(&temporary, &path)
        };
        if write().is_err() {
            // Whatever is left of it.
            let _ = std::fs::remove_file(&temporary);
        }
        self.prune(kind, &path);
    }

    fn path(&self, kind: &str, key: &str) -> Option<PathBuf> {
        self.0.map(|folder| folder.join(format!("{kind}-{key}")))
    }

    fn prune(&self, kind: &str, newest: &Path) {
        let Some(entries) = self.0.and_then(|folder| std::fs::read_dir(folder).ok()) else { return };
        let is_other = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{kind}-")) && path != newest
        };
        let modified = |path: &PathBuf| path.metadata().and_then(|facts| facts.modified()).ok();
        let mut others: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_other).collect();
        others.sort_by_key(|path| std::cmp::Reverse(modified(path)));
        for old in others.iter().skip(KEPT - 1) {
            // Another builder may have been faster.
            let _ = std::fs::remove_file(old);
        }
    }
}

/// The hash of parts, each with its length, as hexadecimal digits.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_unless_they_are_damaged() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("mathforge-cache-{}", std::process::id()));
        let cache = Cache(Some(&folder));
        assert_eq!(cache.get("code", "a"), None);
        cache.put("code", "a", b"contents");
        assert_eq!(cache.get("code", "a").as_deref(), Some(&b"contents"[..]));
        assert_eq!(cache.get("library", "a"), None);
        let path = folder.join("code-a");
        let whole = std::fs::read(&path)?;
        for cut in [0, 31, 32, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut])?;
            assert_eq!(cache.get("code", "a"), None, "{cut} bytes");
        }
        for number in 0..9 {
            cache.put("code", &number.to_string(), b"x");
        }
        assert_eq!(std::fs::read_dir(&folder)?.count(), KEPT);
        std::fs::remove_dir_all(&folder)
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        Cache(None).put("code", "a", b"contents");
        assert_eq!(Cache(None).get("code", "a"), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(key([&b"ab"[..], b"c"]), key([&b"a"[..], b"bc"]));
    }
}
