//! `stat` and its relatives. The layout of `struct stat` is that of Emscripten's C library on wasm32: 96 bytes.

use super::Answer;
use super::path::resolve;
use crate::descriptors::Target;
use crate::host::Guest;
use crate::vfs::{Node, SHARED_TIME_NS};

const AT_FDCWD: i32 = -100;
const AT_EMPTY_PATH: u32 = 0x1000;

const DIR_MODE: u32 = 0o040_755;
const FILE_MODE: u32 = 0o100_644;
const DEVICE_MODE: u32 = 0o020_666;
const BLOCK_BYTES: u64 = 4096;

pub fn of_path(guest: &mut Guest<'_>, path: u32, into: u32) -> Answer {
    of_path_at(guest, AT_FDCWD, path, into, 0)
}

pub fn of_path_at(guest: &mut Guest<'_>, dir: i32, path: u32, into: u32, flags: u32) -> Answer {
    if flags & AT_EMPTY_PATH != 0 && guest.bytes.text(path)?.is_empty() {
        return of_descriptor(guest, dir as u32, into);
    }
    let path = resolve(guest, dir, path)?;
    let node = guest.host.vfs.get(&path)?;
    put(guest, into, &node, &path)
}

pub fn of_descriptor(guest: &mut Guest<'_>, fd: u32, into: u32) -> Answer {
    let open = guest.host.descriptors.get(fd)?;
    let path = open.path.clone();
    let node = match &open.target {
        Target::Dir(_) => Node::Dir,
        Target::Shared(file) => Node::Shared(file.clone()),
        Target::File(number) => Node::File(*number),
        Target::Device(device) => Node::Device(*device),
    };
    put(guest, into, &node, &path)
}

fn put(guest: &mut Guest<'_>, into: u32, node: &Node, path: &str) -> Answer {
    let (mode, size, time_ns, number) = match node {
        Node::Dir => (DIR_MODE, BLOCK_BYTES, SHARED_TIME_NS, path_number(path)),
        Node::Shared(file) => (FILE_MODE, file.len(), SHARED_TIME_NS, path_number(path)),
        Node::Device(_) => (DEVICE_MODE, 0, SHARED_TIME_NS, path_number(path)),
        Node::File(number) => {
            let (len, time_ns) = guest.host.vfs.file_facts(*number);
            (FILE_MODE, len, time_ns, *number)
        }
    };
    let mut stat = [0u8; 96];
    let mut put = |at: usize, bytes: &[u8]| stat[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &1u32.to_le_bytes());
    put(4, &mode.to_le_bytes());
    put(8, &1u32.to_le_bytes());
    put(24, &size.to_le_bytes());
    put(32, &(BLOCK_BYTES as u32).to_le_bytes());
    put(36, &(size.div_ceil(512) as u32).to_le_bytes());
    for at in [40, 56, 72] {
        put(at, &(time_ns / 1_000_000_000).to_le_bytes());
        put(at + 8, &((time_ns % 1_000_000_000) as u32).to_le_bytes());
    }
    put(88, &number.to_le_bytes());
    guest.bytes.put(into, &stat)?;
    Ok(0)
}

/// A stable file number for a path (FNV-1a), in a range that overlay files never reach.
pub fn path_number(path: &str) -> u64 {
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 2) | 1 << 61
}
