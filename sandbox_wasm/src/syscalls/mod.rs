//! The system calls of the guest's C library, about the fifty that Python makes. Each is a function over [`Guest`]
//! that returns an [`Errno`]; the tables below give them their import names and the sign convention of their module.

mod descriptor;
mod path;
mod process;
mod stat;

use wasmtime::{Caller, ExternRef, Linker, Rooted};

use crate::errno::Errno;
use crate::error::{Error, Result};
use crate::host::{Guest, Host, with_guest};
use crate::limits::Ending;

/// Answer of a system call.
pub type Answer = std::result::Result<i32, Errno>;

/// Defines imports; `$negative` tells whether errors are negative (`__syscall_*`) or positive (WASI).
macro_rules! define {
    ($linker:ident, $module:literal, $negative:literal, { $($name:literal ($($arg:ident: $ty:ty),*) => $function:path;)* }) => {
        $($linker
            .func_wrap($module, $name, |mut caller: Caller<'_, Host> $(, $arg: $ty)*| -> i32 {
                match with_guest(&mut caller, |guest| $function(guest $(, $arg)*)) {
                    Ok(value) => value,
                    Err(Errno(number)) => if $negative { -number } else { number },
                }
            })
            .map_err(Error::engine("linking system calls"))?;)*
    };
}

/// Imports that answer a constant whatever their arguments are.
macro_rules! constant {
    ($linker:ident, $module:literal, { $($name:literal ($($ty:ty),*) => $value:expr;)* }) => {
        $($linker
            .func_wrap($module, $name, |_: Caller<'_, Host> $(, _: $ty)*| $value)
            .map_err(Error::engine("linking system calls"))?;)*
    };
}

/// Adds every system call to `linker`.
pub fn link(linker: &mut Linker<Host>) -> Result<()> {
    link_files(linker)?;
    link_wasi(linker)?;
    link_refusals(linker)?;
    link_process(linker)?;
    link_endings(linker)
}

fn link_files(linker: &mut Linker<Host>) -> Result<()> {
    define!(linker, "env", true, {
        "__syscall_openat" (dir: i32, path: u32, flags: u32, mode: u32) => path::open;
        "__syscall_faccessat" (dir: i32, path: u32, mode: u32, flags: u32) => path::access;
        "__syscall_chdir" (path: u32) => path::change_dir;
        "__syscall_fchdir" (fd: u32) => path::change_dir_to;
        "__syscall_getcwd" (into: u32, len: u32) => path::current_dir;
        "__syscall_mkdirat" (dir: i32, path: u32, mode: u32) => path::make_dir;
        "__syscall_rmdir" (path: u32) => path::remove_dir;
        "__syscall_unlinkat" (dir: i32, path: u32, flags: u32) => path::unlink;
        "__syscall_renameat" (from_dir: i32, from: u32, to_dir: i32, to: u32) => path::rename;
        "__syscall_readlinkat" (dir: i32, path: u32, into: u32, len: u32) => path::read_link;
        "__syscall_chmod" (path: u32, mode: u32) => path::change_mode;
        "__syscall_truncate64" (path: u32, len: u64) => path::truncate;
        "__syscall_utimensat" (dir: i32, path: u32, times: u32, flags: u32) => path::set_times;
        "__syscall_stat64" (path: u32, into: u32) => stat::of_path;
        "__syscall_lstat64" (path: u32, into: u32) => stat::of_path;
        "__syscall_fstat64" (fd: u32, into: u32) => stat::of_descriptor;
        "__syscall_newfstatat" (dir: i32, path: u32, into: u32, flags: u32) => stat::of_path_at;
        "__syscall_getdents64" (fd: u32, into: u32, len: u32) => descriptor::list;
        "__syscall_ftruncate64" (fd: u32, len: u64) => descriptor::truncate;
        "__syscall_fcntl64" (fd: u32, command: u32, args: u32) => descriptor::control;
        "__syscall_ioctl" (fd: u32, request: u32, args: u32) => descriptor::ioctl;
        "__syscall_dup" (fd: u32) => descriptor::duplicate;
        "__syscall_dup3" (fd: u32, new: u32, flags: u32) => descriptor::duplicate_to;
        "__syscall_poll" (entries: u32, count: u32, timeout_ms: i32) => process::poll;
    });
    Ok(())
}

fn link_wasi(linker: &mut Linker<Host>) -> Result<()> {
    define!(linker, "wasi_snapshot_preview1", false, {
        "fd_close" (fd: u32) => descriptor::close;
        "fd_read" (fd: u32, vector: u32, count: u32, done: u32) => descriptor::read;
        "fd_write" (fd: u32, vector: u32, count: u32, done: u32) => descriptor::write;
        "fd_pread" (fd: u32, vector: u32, count: u32, position: u64, done: u32) => descriptor::read_at;
        "fd_pwrite" (fd: u32, vector: u32, count: u32, position: u64, done: u32) => descriptor::write_at;
        "fd_seek" (fd: u32, offset: i64, whence: u32, into: u32) => descriptor::seek;
        "fd_sync" (fd: u32) => descriptor::sync;
        "fd_fdstat_get" (fd: u32, into: u32) => descriptor::facts;
        "environ_sizes_get" (count: u32, bytes: u32) => process::environment_sizes;
        "environ_get" (pointers: u32, bytes: u32) => process::environment;
        "clock_time_get" (id: u32, precision: u64, into: u32) => process::clock;
        "clock_res_get" (id: u32, into: u32) => process::clock_resolution;
        "random_get" (into: u32, len: u32) => process::random;
    });
    Ok(())
}

/// What the sandbox does not offer: network, links, ownership, processes.
fn link_refusals(linker: &mut Linker<Host>) -> Result<()> {
    const NOSYS: i32 = -Errno::NOSYS.0;
    constant!(linker, "env", {
        "__syscall_socket" (u32, u32, u32, u32, u32, u32) => -Errno::AFNOSUPPORT.0;
        "__syscall_accept4" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_bind" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_connect" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_getpeername" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_getsockname" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_getsockopt" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_listen" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_recvfrom" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_recvmsg" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_sendmsg" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_sendto" (u32, u32, u32, u32, u32, u32) => NOSYS;
        "__syscall_pipe" (u32) => NOSYS;
        "__syscall_mknodat" (u32, u32, u32, u32) => NOSYS;
        "__syscall_symlinkat" (u32, u32, u32) => -Errno::PERM.0;
        "__syscall_statfs64" (u32, u32, u32) => NOSYS;
        "__syscall_fstatfs64" (u32, u32, u32) => NOSYS;
        "__syscall_fallocate" (u32, u32, u64, u64) => NOSYS;
        "__syscall_fadvise64" (u32, u64, u64, u32) => 0;
        "__syscall_fdatasync" (u32) => 0;
        "__syscall_fchmod" (u32, u32) => 0;
        "__syscall_fchmodat2" (u32, u32, u32, u32) => 0;
        "__syscall_fchown32" (u32, u32, u32) => 0;
        "__syscall_fchownat" (u32, u32, u32, u32, u32) => 0;
        // EAI_NONAME: no name service.
        "getaddrinfo" (u32, u32, u32, u32) => -2;
        "getnameinfo" (u32, u32, u32, u32, u32, u32, u32) => -2;
        "getprotobyname" (u32) => 0;
        "_emscripten_lookup_name" (u32) => 0;
        "_mmap_js" (u32, u32, u32, u32, u64, u32, u32) => NOSYS;
        "_munmap_js" (u32, u32, u32, u32, u32, u64) => 0;
        "_msync_js" (u32, u32, u32, u32, u32, u64) => 0;
    });
    linker
        .func_wrap("env", "_emscripten_system", |command: u32| if command == 0 { 0 } else { NOSYS })
        .map_err(Error::engine("linking system calls"))?;
    Ok(())
}

fn link_process(linker: &mut Linker<Host>) -> Result<()> {
    process::link(linker)?;
    constant!(linker, "env", {
        "__syscall_getuid32_js" () => 0;
        "__syscall_umask_js" (u32) => 0o022;
        "_try_fcntl64" (u32, u32, u32, u32) => 0;
        "_try_shutdown" (u32, u32, u32) => 0;
        "_Py_emscripten_runtime" () => 0;
        "_setitimer_js" (u32, f64) => 0;
        "emscripten_runtime_keepalive_push" () => ();
        "emscripten_runtime_keepalive_pop" () => ();
        "_emscripten_runtime_keepalive_clear" () => ();
        "emscripten_log_impl_js" (u32) => ();
        "_emscripten_log_formatted" (u32, u32) => ();
        // These ask JavaScript to wait for I/O; with no answer the C library goes on with the ordinary call.
        "_maybe_poll_async" (u32, u32, u32) => None::<Rooted<ExternRef>>;
        "_maybe_connect_async" (u32, u32, u32) => None::<Rooted<ExternRef>>;
        "_maybe_recvfrom_async" (u32, u32, u32) => None::<Rooted<ExternRef>>;
        "_maybe_sendto_async" (u32, u32, u32) => None::<Rooted<ExternRef>>;
        "__hiwire_deduplicate_new" () => None::<Rooted<ExternRef>>;
    });
    Ok(())
}

/// Imports that end the guest.
fn link_endings(linker: &mut Linker<Host>) -> Result<()> {
    type Never = wasmtime::Result<()>;
    let linking = "linking system calls";
    let exit = |code: i32| -> Never { Err(Ending::Exited(code).into()) };
    linker.func_wrap("wasi_snapshot_preview1", "proc_exit", exit).map_err(Error::engine(linking))?;
    linker.func_wrap("env", "exit", exit).map_err(Error::engine(linking))?;
    linker
        .func_wrap("env", "_abort_js", || -> Never { Err(Ending::Aborted.into()) })
        .map_err(Error::engine(linking))?;
    linker
        .func_wrap(
            "env",
            "__assert_fail",
            |mut caller: Caller<'_, Host>, condition: u32, _: u32, line: u32, _: u32| -> Never {
                // The message is for whoever debugs the guest; a wrong pointer in it changes nothing.
                let _ = with_guest(&mut caller, |guest: &mut Guest<'_>| {
                    let text = format!("assertion failed in line {line}: {}\n", guest.bytes.text(condition)?);
                    guest.host.stderr.write(text.as_bytes());
                    Ok(())
                });
                Err(Ending::Aborted.into())
            },
        )
        .map_err(Error::engine(linking))?;
    Ok(())
}
