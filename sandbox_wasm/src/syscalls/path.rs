//! System calls that name a file by its path.

use super::Answer;
use crate::descriptors::Target;
use crate::errno::Errno;
use crate::host::Guest;
use crate::vfs::Node;

/// `dir` of the `*at` calls: the current directory.
const AT_FDCWD: i32 = -100;
const AT_REMOVEDIR: u32 = 0x200;

const ACCESS_MODE: u32 = 3;
const CREATE: u32 = 0o100;
const EXCLUSIVE: u32 = 0o200;
const TRUNCATE: u32 = 0o1000;
const DIRECTORY: u32 = 0o200_000;

/// The normalised path that `dir` and the string at `path` name.
pub fn resolve(guest: &mut Guest<'_>, dir: i32, path: u32) -> Result<String, Errno> {
    let path = guest.bytes.text(path)?;
    if path.is_empty() {
        return Err(Errno::NOENT);
    }
    if path.starts_with('/') || dir == AT_FDCWD {
        return Ok(guest.host.vfs.normalise(None, &path));
    }
    let base = guest.host.descriptors.get(dir as u32)?.path.clone();
    Ok(guest.host.vfs.normalise(Some(&base), &path))
}

pub fn open(guest: &mut Guest<'_>, dir: i32, path: u32, flags: u32, _mode: u32) -> Answer {
    let path = resolve(guest, dir, path)?;
    let now = guest.host.clock.wall_ns();
    let writing = flags & ACCESS_MODE != 0;
    let vfs = &mut guest.host.vfs;
    let target = match vfs.get(&path) {
        Ok(_) if flags & CREATE != 0 && flags & EXCLUSIVE != 0 => return Err(Errno::EXIST),
        Ok(Node::Dir) if writing => return Err(Errno::ISDIR),
        Ok(Node::Dir) => Target::Dir(None),
        Ok(_) if flags & DIRECTORY != 0 => return Err(Errno::NOTDIR),
        Ok(Node::Device(device)) => Target::Device(device),
        Ok(Node::Shared(file)) if writing => Target::File(vfs.copy_up(&path, &file, now)?),
        Ok(Node::Shared(file)) => Target::Shared(file),
        Ok(Node::File(ino)) => Target::File(ino),
        Err(Errno::NOENT) if flags & CREATE != 0 => Target::File(vfs.create(&path, now)?),
        Err(errno) => return Err(errno),
    };
    let ino = if let Target::File(ino) = &target { Some(*ino) } else { None };
    if let (Some(ino), true) = (ino, writing && flags & TRUNCATE != 0) {
        vfs.truncate(ino, 0, now)?;
    }
    let fd = guest.host.descriptors.add(target, path, flags)?;
    if let Some(ino) = ino {
        guest.host.vfs.retain(ino);
    }
    Ok(fd as i32)
}

pub fn access(guest: &mut Guest<'_>, dir: i32, path: u32, _mode: u32, _flags: u32) -> Answer {
    let path = resolve(guest, dir, path)?;
    guest.host.vfs.get(&path).map(|_| 0)
}

pub fn change_dir(guest: &mut Guest<'_>, path: u32) -> Answer {
    let path = resolve(guest, AT_FDCWD, path)?;
    enter(guest, path)
}

pub fn change_dir_to(guest: &mut Guest<'_>, fd: u32) -> Answer {
    let path = guest.host.descriptors.get(fd)?.path.clone();
    enter(guest, path)
}

fn enter(guest: &mut Guest<'_>, path: String) -> Answer {
    match guest.host.vfs.get(&path)? {
        Node::Dir => {
            guest.host.vfs.cwd = path;
            Ok(0)
        }
        _ => Err(Errno::NOTDIR),
    }
}

pub fn current_dir(guest: &mut Guest<'_>, into: u32, len: u32) -> Answer {
    let mut path = guest.host.vfs.cwd.clone().into_bytes();
    path.push(0);
    if path.len() > len as usize {
        return Err(Errno::RANGE);
    }
    guest.bytes.put(into, &path)?;
    Ok(path.len() as i32)
}

pub fn make_dir(guest: &mut Guest<'_>, dir: i32, path: u32, _mode: u32) -> Answer {
    let path = resolve(guest, dir, path)?;
    guest.host.vfs.make_dir(&path).map(|()| 0)
}

pub fn remove_dir(guest: &mut Guest<'_>, path: u32) -> Answer {
    unlink(guest, AT_FDCWD, path, AT_REMOVEDIR)
}

pub fn unlink(guest: &mut Guest<'_>, dir: i32, path: u32, flags: u32) -> Answer {
    let path = resolve(guest, dir, path)?;
    let vfs = &mut guest.host.vfs;
    let done = if flags & AT_REMOVEDIR != 0 { vfs.remove_dir(&path) } else { vfs.unlink(&path) };
    done.map(|()| 0)
}

pub fn rename(guest: &mut Guest<'_>, from_dir: i32, from: u32, to_dir: i32, to: u32) -> Answer {
    let (from, to) = (resolve(guest, from_dir, from)?, resolve(guest, to_dir, to)?);
    guest.host.vfs.rename(&from, &to).map(|()| 0)
}

/// There are no links, so nothing that exists is one.
pub fn read_link(guest: &mut Guest<'_>, dir: i32, path: u32, _into: u32, _len: u32) -> Answer {
    let path = resolve(guest, dir, path)?;
    guest.host.vfs.get(&path)?;
    Err(Errno::INVAL)
}

/// There is one user, so modes are accepted and mean nothing.
pub fn change_mode(guest: &mut Guest<'_>, path: u32, _mode: u32) -> Answer {
    access(guest, AT_FDCWD, path, 0, 0)
}

pub fn truncate(guest: &mut Guest<'_>, path: u32, len: u64) -> Answer {
    let path = resolve(guest, AT_FDCWD, path)?;
    let now = guest.host.clock.wall_ns();
    let vfs = &mut guest.host.vfs;
    let ino = match vfs.get(&path)? {
        Node::File(ino) => ino,
        Node::Shared(file) => vfs.copy_up(&path, &file, now)?,
        Node::Dir => return Err(Errno::ISDIR),
        Node::Device(_) => return Err(Errno::INVAL),
    };
    vfs.truncate(ino, len, now).map(|()| 0)
}

/// Time stamps are the time of the last write; setting them is accepted and ignored.
pub fn set_times(guest: &mut Guest<'_>, dir: i32, path: u32, _times: u32, _flags: u32) -> Answer {
    // A null path means the descriptor itself.
    if path == 0 { Ok(0) } else { access(guest, dir, path, 0, 0) }
}
