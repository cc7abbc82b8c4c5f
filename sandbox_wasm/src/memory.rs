//! Bounds-checked views of the guest's linear memory. Every pointer a host function gets goes through here.

use crate::errno::Errno;

/// A guest address.
pub type Ptr = u32;

/// Linear memory as a byte slice; an access outside of it is `EFAULT`, never a panic.
pub struct Bytes<'a>(pub &'a mut [u8]);

impl Bytes<'_> {
    fn range(&self, at: Ptr, len: usize) -> Result<std::ops::Range<usize>, Errno> {
        let start = at as usize;
        let end = start.checked_add(len).ok_or(Errno::FAULT)?;
        if end > self.0.len() { Err(Errno::FAULT) } else { Ok(start..end) }
    }

    /// `len` bytes at `at`.
    pub fn get(&self, at: Ptr, len: usize) -> Result<&[u8], Errno> {
        let range = self.range(at, len)?;
        Ok(&self.0[range])
    }

    /// `len` bytes at `at`, to be written.
    pub fn get_mut(&mut self, at: Ptr, len: usize) -> Result<&mut [u8], Errno> {
        let range = self.range(at, len)?;
        Ok(&mut self.0[range])
    }

    /// Copies `bytes` to `at`.
    pub fn put(&mut self, at: Ptr, bytes: &[u8]) -> Result<(), Errno> {
        self.get_mut(at, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// `N` bytes at `at`.
    pub fn array<const N: usize>(&self, at: Ptr) -> Result<[u8; N], Errno> {
        self.get(at, N)?.try_into().map_err(|_| Errno::FAULT)
    }

    /// The 32-bit little-endian number at `at`.
    pub fn u32(&self, at: Ptr) -> Result<u32, Errno> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// Writes a 32-bit number.
    pub fn put_u32(&mut self, at: Ptr, value: u32) -> Result<(), Errno> {
        self.put(at, &value.to_le_bytes())
    }

    /// Writes a 64-bit number.
    pub fn put_u64(&mut self, at: Ptr, value: u64) -> Result<(), Errno> {
        self.put(at, &value.to_le_bytes())
    }

    /// A NUL-terminated path or message; bytes that are not UTF-8 are replaced.
    pub fn text(&self, at: Ptr) -> Result<String, Errno> {
        let rest = self.0.get(at as usize..).ok_or(Errno::FAULT)?;
        let rest = &rest[..rest.len().min(1 << 16)];
        let len = rest.iter().position(|&byte| byte == 0).ok_or(Errno::NAMETOOLONG)?;
        Ok(String::from_utf8_lossy(&rest[..len]).into_owned())
    }
}
