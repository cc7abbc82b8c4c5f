//! What a session owns on the host's side, and how host functions see guest and host together.

use std::sync::Arc;

use wasmtime::{Caller, Global, Memory, Table, TypedFunc};

use crate::clock::Clock;
use crate::descriptors::{Descriptors, Target};
use crate::errno::Errno;
use crate::ffi::Closures;
use crate::limits::{MemoryCap, TimeLimit};
use crate::memory::{Bytes, Ptr};
use crate::output::Capture;
use crate::random::Random;
use crate::vfs::{Device, Tree, Vfs};

/// Exports of the instance that host functions use.
#[derive(Clone)]
pub struct Exports {
    /// Linear memory.
    pub memory: Memory,
    /// The function table.
    pub table: Table,
    /// Top of the shadow stack.
    pub stack_pointer: Global,
    /// C `malloc`.
    pub malloc: TypedFunc<u32, u32>,
    /// C `free`.
    pub free: TypedFunc<u32, ()>,
    /// Address of the number of the pending signal.
    pub signal: Ptr,
    /// Address of the countdown after which the interpreter looks at it.
    pub signal_clock: Ptr,
}

/// Data of a session's store.
pub struct Host {
    /// Its files.
    pub vfs: Vfs,
    /// Its open files.
    pub descriptors: Descriptors,
    /// Standard output of the running cell.
    pub stdout: Capture,
    /// Standard error of the running cell.
    pub stderr: Capture,
    /// Its clocks.
    pub clock: Clock,
    /// Its random bytes.
    pub random: Random,
    /// Its C callbacks.
    pub closures: Closures,
    /// Time limit of the running cell.
    pub limit: TimeLimit,
    /// Memory cap.
    pub cap: MemoryCap,
    /// Set once the instance exists.
    pub exports: Option<Exports>,
}

/// Caps a host is made with.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Cap of the linear memory.
    pub memory: usize,
    /// Cap of all files written by the session.
    pub files: usize,
    /// Cap of each captured stream.
    pub output: usize,
}

/// The host's part of a session's state, as a fork or a checkpoint takes it: all but the instance and the cell.
#[derive(Clone)]
pub struct Kept {
    /// Its files; their bytes are shared until one side writes.
    pub vfs: Vfs,
    /// Its open files.
    pub descriptors: Descriptors,
    /// Its clocks.
    pub clock: Clock,
    /// Its random bytes.
    pub random: Random,
}

impl Host {
    /// What a copy of the session needs beside memory, globals and table.
    pub fn kept(&self) -> Kept {
        let Self { vfs, descriptors, clock, random, .. } = self;
        Kept {
            vfs: vfs.clone(),
            descriptors: descriptors.clone(),
            clock: clock.clone(),
            random: random.clone(),
        }
    }

    /// A host that goes on from there.
    pub fn continuing(kept: Kept, caps: Caps) -> Self {
        let Kept { mut vfs, descriptors, clock, random } = kept;
        vfs.set_cap(caps.files);
        Self {
            vfs,
            descriptors,
            stdout: Capture::new(caps.output),
            stderr: Capture::new(caps.output),
            clock,
            random,
            closures: Closures::default(),
            limit: TimeLimit::default(),
            cap: MemoryCap { memory_bytes: caps.memory },
            exports: None,
        }
    }

    /// A host with a fresh view of `tree` and descriptors 0, 1 and 2 open.
    pub fn new(tree: Arc<Tree>, caps: Caps, random: Random) -> Self {
        let mut descriptors = Descriptors::default();
        for (device, name) in
            [(Device::Stdin, "stdin"), (Device::Stdout, "stdout"), (Device::Stderr, "stderr")]
        {
            // An empty table has room for three.
            let _ =
                descriptors.add(Target::Device(device), format!("/dev/{name}"), u32::from(name != "stdin"));
        }
        let kept = Kept { vfs: Vfs::new(tree, caps.files), descriptors, clock: Clock::real(), random };
        Self::continuing(kept, caps)
    }
}

/// Guest memory and host state, borrowed together for the length of one host call.
pub struct Guest<'a> {
    /// Linear memory.
    pub bytes: Bytes<'a>,
    /// The session's host state.
    pub host: &'a mut Host,
}

impl<'a> Guest<'a> {
    /// Both halves of a store.
    pub fn new(bytes: &'a mut [u8], host: &'a mut Host) -> Self {
        Self { bytes: Bytes(bytes), host }
    }

    /// Makes a signal pending. Both words are needed: the countdown only runs by itself when signal handling is
    /// switched on, which would cost a host call every 50 byte codes.
    pub fn signal(&mut self, number: u32) {
        if let Some((signal, clock)) = self.host.exports.as_ref().map(|e| (e.signal, e.signal_clock)) {
            // Addresses of the module's own globals, inside of its memory.
            let _ = self.bytes.put_u32(signal, number);
            let _ = self.bytes.put_u32(clock, 0);
        }
    }
}

/// Runs `body` with the guest of `caller`.
pub fn with_guest<R>(
    caller: &mut Caller<'_, Host>,
    body: impl FnOnce(&mut Guest<'_>) -> Result<R, Errno>,
) -> Result<R, Errno> {
    let memory = caller.data().exports.as_ref().ok_or(Errno::NOSYS)?.memory;
    let (bytes, host) = memory.data_and_store_mut(caller);
    body(&mut Guest::new(bytes, host))
}
