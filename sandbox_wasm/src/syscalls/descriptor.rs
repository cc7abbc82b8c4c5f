//! System calls on open files.

use super::Answer;
use super::stat::path_number;
use crate::descriptors::{Open, Target};
use crate::errno::Errno;
use crate::host::Guest;
use crate::vfs::{Device, Node};

const APPEND: u32 = 0o2000;

/// The buffers of a scatter or gather call. Those of length zero are skipped: the C library sends one in front of
/// every buffered read.
fn buffers(guest: &Guest<'_>, vector: u32, count: u32) -> Result<Vec<(u32, u32)>, Errno> {
    if count > 1024 {
        return Err(Errno::INVAL);
    }
    let mut buffers = Vec::with_capacity(count as usize);
    for index in 0..count {
        let at = vector.wrapping_add(8 * index);
        let (start, len) = (guest.bytes.u32(at)?, guest.bytes.u32(at.wrapping_add(4))?);
        if len > 0 {
            guest.bytes.get(start, len as usize)?;
            buffers.push((start, len));
        }
    }
    Ok(buffers)
}

fn read_from(
    guest: &mut Guest<'_>,
    open: &Open,
    position: u64,
    vector: u32,
    count: u32,
) -> Result<u32, Errno> {
    let mut done = 0;
    for (start, len) in buffers(guest, vector, count)? {
        let into = guest.bytes.get_mut(start, len as usize)?;
        let at = position.saturating_add(u64::from(done));
        let read = match &open.target {
            Target::Dir(_) => return Err(Errno::ISDIR),
            Target::Device(Device::Random) => {
                guest.host.random.fill(into);
                into.len()
            }
            Target::Device(_) => 0,
            Target::Shared(file) => file.read_at(at, into)?,
            Target::File(number) => {
                let data = guest.host.vfs.data(*number);
                let rest = data.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
                let read = rest.len().min(into.len());
                into[..read].copy_from_slice(&rest[..read]);
                read
            }
        };
        done += read as u32;
        if read < len as usize {
            break;
        }
    }
    Ok(done)
}

fn write_to(
    guest: &mut Guest<'_>,
    open: &Open,
    position: u64,
    vector: u32,
    count: u32,
) -> Result<u32, Errno> {
    let mut done = 0;
    for (start, len) in buffers(guest, vector, count)? {
        let bytes = guest.bytes.get(start, len as usize)?;
        match &open.target {
            Target::Device(Device::Stdout) => guest.host.stdout.write(bytes),
            Target::Device(Device::Stderr) => guest.host.stderr.write(bytes),
            Target::Device(_) => {}
            Target::File(number) => {
                let at = position.saturating_add(u64::from(done));
                let now = guest.host.clock.wall_ns();
                guest.host.vfs.write_at(*number, at, bytes, now)?;
            }
            Target::Dir(_) | Target::Shared(_) => return Err(Errno::BADF),
        }
        done += len;
    }
    Ok(done)
}

pub fn read(guest: &mut Guest<'_>, fd: u32, vector: u32, count: u32, done: u32) -> Answer {
    let open = guest.host.descriptors.get(fd)?.clone();
    let read = read_from(guest, &open, open.position, vector, count)?;
    guest.host.descriptors.get(fd)?.position = open.position.saturating_add(u64::from(read));
    guest.bytes.put_u32(done, read)?;
    Ok(0)
}

pub fn read_at(guest: &mut Guest<'_>, fd: u32, vector: u32, count: u32, position: u64, done: u32) -> Answer {
    let open = guest.host.descriptors.get(fd)?.clone();
    let read = read_from(guest, &open, position, vector, count)?;
    guest.bytes.put_u32(done, read)?;
    Ok(0)
}

pub fn write(guest: &mut Guest<'_>, fd: u32, vector: u32, count: u32, done: u32) -> Answer {
    let mut open = guest.host.descriptors.get(fd)?.clone();
    if let (Target::File(number), true) = (&open.target, open.flags & APPEND != 0) {
        open.position = guest.host.vfs.file_facts(*number).0;
    }
    let written = write_to(guest, &open, open.position, vector, count)?;
    guest.host.descriptors.get(fd)?.position = open.position.saturating_add(u64::from(written));
    guest.bytes.put_u32(done, written)?;
    Ok(0)
}

pub fn write_at(guest: &mut Guest<'_>, fd: u32, vector: u32, count: u32, position: u64, done: u32) -> Answer {
    let open = guest.host.descriptors.get(fd)?.clone();
    let written = write_to(guest, &open, position, vector, count)?;
    guest.bytes.put_u32(done, written)?;
    Ok(0)
}

pub fn seek(guest: &mut Guest<'_>, fd: u32, offset: i64, whence: u32, into: u32) -> Answer {
    let open = guest.host.descriptors.get(fd)?;
    let position = open.position as i64;
    let len = match &open.target {
        Target::Device(_) => return Err(Errno::SPIPE),
        Target::Dir(_) => 0,
        Target::Shared(file) => file.len(),
        Target::File(number) => guest.host.vfs.file_facts(*number).0,
    };
    let from = match whence {
        0 => 0,
        1 => position,
        2 => len as i64,
        _ => return Err(Errno::INVAL),
    };
    let to = from.checked_add(offset).filter(|&to| to >= 0).ok_or(Errno::INVAL)?;
    guest.host.descriptors.get(fd)?.position = to as u64;
    guest.bytes.put_u64(into, to as u64)?;
    Ok(0)
}

pub fn close(guest: &mut Guest<'_>, fd: u32) -> Answer {
    // The standard streams belong to the session: a cell that closes them must not silence the next one.
    if fd <= 2 {
        return Ok(0);
    }
    if let Some(Open { target: Target::File(number), .. }) = guest.host.descriptors.close(fd)? {
        guest.host.vfs.release(number);
    }
    Ok(0)
}

pub fn sync(guest: &mut Guest<'_>, fd: u32) -> Answer {
    guest.host.descriptors.get(fd).map(|_| 0)
}

/// `fdstat`: only the file type matters to the C library, which asks whether it is a terminal.
pub fn facts(guest: &mut Guest<'_>, fd: u32, into: u32) -> Answer {
    let kind = match guest.host.descriptors.get(fd)?.target {
        Target::Device(_) => 2,
        Target::Dir(_) => 3,
        Target::Shared(_) | Target::File(_) => 4,
    };
    let mut stat = [0u8; 24];
    stat[0] = kind;
    guest.bytes.put(into, &stat)?;
    Ok(0)
}

pub fn truncate(guest: &mut Guest<'_>, fd: u32, len: u64) -> Answer {
    match guest.host.descriptors.get(fd)?.target {
        Target::File(number) => {
            let now = guest.host.clock.wall_ns();
            guest.host.vfs.truncate(number, len, now).map(|()| 0)
        }
        _ => Err(Errno::INVAL),
    }
}

pub fn control(guest: &mut Guest<'_>, fd: u32, command: u32, args: u32) -> Answer {
    const DUPLICATE: u32 = 0;
    const GET_FLAGS: u32 = 3;
    const DUPLICATE_CLOEXEC: u32 = 1030;
    const GET_LOCK: u32 = 12;
    const NOT_LOCKED: u16 = 2;
    let flags = guest.host.descriptors.get(fd)?.flags;
    match command {
        DUPLICATE | DUPLICATE_CLOEXEC => {
            let lowest = guest.bytes.u32(args)?;
            guest.host.descriptors.duplicate(fd, lowest).map(|fd| fd as i32)
        }
        GET_FLAGS => Ok(flags as i32),
        // Locks are between processes, and there is no other: nobody holds one, and whoever wants one gets it.
        GET_LOCK => {
            let lock = guest.bytes.u32(args)?;
            guest.bytes.put(lock, &NOT_LOCKED.to_le_bytes())?;
            Ok(0)
        }
        // Close-on-exec and status flags mean nothing there either.
        1 | 2 | 4 | 13 | 14 => Ok(0),
        _ => Err(Errno::INVAL),
    }
}

pub fn ioctl(guest: &mut Guest<'_>, fd: u32, _request: u32, _args: u32) -> Answer {
    guest.host.descriptors.get(fd)?;
    Err(Errno::NOTTY)
}

pub fn duplicate(guest: &mut Guest<'_>, fd: u32) -> Answer {
    guest.host.descriptors.duplicate(fd, 0).map(|fd| fd as i32)
}

pub fn duplicate_to(guest: &mut Guest<'_>, fd: u32, new: u32, _flags: u32) -> Answer {
    guest.host.descriptors.get(fd)?;
    if fd == new {
        return Err(Errno::INVAL);
    }
    if guest.host.descriptors.get(new).is_ok() {
        close(guest, new)?;
    }
    guest.host.descriptors.share(fd, new)?;
    Ok(new as i32)
}

/// Directory entries are 280 bytes each: number, offset of the next, record length, type, name.
pub fn list(guest: &mut Guest<'_>, fd: u32, into: u32, len: u32) -> Answer {
    const ENTRY_BYTES: u32 = 280;
    const NAME_BYTES: usize = 256;
    let open = guest.host.descriptors.get(fd)?.clone();
    let Target::Dir(listing) = open.target else { return Err(Errno::NOTDIR) };
    let names = match listing {
        Some(names) if open.position > 0 => names,
        _ => {
            let mut names = vec![".".to_owned(), "..".to_owned()];
            names.extend(guest.host.vfs.list(&open.path)?);
            names
        }
    };
    let (mut at, mut next) = (0, open.position);
    while let Some(name) = names.get(next as usize).filter(|_| len - at >= ENTRY_BYTES) {
        let path = guest.host.vfs.normalise(Some(&open.path), name);
        let (kind, file) = match guest.host.vfs.get(&path) {
            Ok(Node::Dir) | Err(_) => (4, path_number(&path)),
            Ok(Node::Device(_)) => (2, path_number(&path)),
            Ok(Node::Shared(_)) => (8, path_number(&path)),
            Ok(Node::File(number)) => (8, number),
        };
        next += 1;
        let mut entry = [0u8; ENTRY_BYTES as usize];
        entry[..8].copy_from_slice(&file.to_le_bytes());
        entry[8..16].copy_from_slice(&next.to_le_bytes());
        entry[16..18].copy_from_slice(&(ENTRY_BYTES as u16).to_le_bytes());
        entry[18] = kind;
        let name = &name.as_bytes()[..name.len().min(NAME_BYTES - 1)];
        entry[19..19 + name.len()].copy_from_slice(name);
        guest.bytes.put(into.wrapping_add(at), &entry)?;
        at += ENTRY_BYTES;
    }
    let open = guest.host.descriptors.get(fd)?;
    open.position = next;
    open.target = Target::Dir(Some(names));
    Ok(at as i32)
}
