//! Environment, clocks, random numbers, sleeping, growing memory.

use std::time::Duration;

use wasmtime::{Caller, Linker};

use super::Answer;
use crate::clock::{Clock, broken_down, seconds_of};
use crate::errno::Errno;
use crate::error::{Error, Result};
use crate::host::{Guest, Host, with_guest};
use crate::limits;

/// All the guest learns of the world. The hash seed is fixed so that every session of an image behaves alike.
const ENVIRONMENT: [&str; 5] =
    ["HOME=/home/user", "PATH=/", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"];

pub fn environment_sizes(guest: &mut Guest<'_>, count: u32, bytes: u32) -> Answer {
    guest.bytes.put_u32(count, ENVIRONMENT.len() as u32)?;
    guest.bytes.put_u32(bytes, ENVIRONMENT.iter().map(|entry| entry.len() as u32 + 1).sum())?;
    Ok(0)
}

pub fn environment(guest: &mut Guest<'_>, pointers: u32, bytes: u32) -> Answer {
    let mut at = bytes;
    for (index, entry) in ENVIRONMENT.iter().enumerate() {
        guest.bytes.put_u32(pointers.wrapping_add(4 * index as u32), at)?;
        guest.bytes.put(at, entry.as_bytes())?;
        guest.bytes.put(at.wrapping_add(entry.len() as u32), &[0])?;
        at = at.wrapping_add(entry.len() as u32 + 1);
    }
    Ok(0)
}

pub fn clock(guest: &mut Guest<'_>, id: u32, _precision: u64, into: u32) -> Answer {
    let now = guest.host.clock.now_ns(id);
    guest.bytes.put_u64(into, now)?;
    Ok(0)
}

pub fn clock_resolution(guest: &mut Guest<'_>, _id: u32, into: u32) -> Answer {
    guest.bytes.put_u64(into, 1000)?;
    Ok(0)
}

pub fn random(guest: &mut Guest<'_>, into: u32, len: u32) -> Answer {
    let into = guest.bytes.get_mut(into, len as usize)?;
    guest.host.random.fill(into);
    Ok(0)
}

/// Files are always ready and there is nothing else to wait for, so this reports every valid entry ready, and with
/// none to watch it sleeps for the timeout, at most to the end of the cell's time, which may come early.
pub fn poll(guest: &mut Guest<'_>, entries: u32, count: u32, timeout_ms: i32) -> Answer {
    const READY: u16 = 0x1 | 0x4;
    const INVALID: u16 = 0x20;
    const NAP: Duration = Duration::from_millis(50);
    let mut ready = 0;
    for index in 0..count {
        let at = entries.wrapping_add(index.wrapping_mul(8));
        let fd = guest.bytes.u32(at)?;
        let wanted = u16::from_le_bytes(guest.bytes.array(at.wrapping_add(4))?);
        let events = if guest.host.descriptors.get(fd).is_ok() { wanted & READY } else { INVALID };
        guest.bytes.put(at.wrapping_add(6), &events.to_le_bytes())?;
        ready += i32::from(events != 0);
    }
    if ready == 0 && timeout_ms != 0 {
        let Host { limit, clock, .. } = &mut *guest.host;
        let left = |clock: &Clock| limit.left(clock).unwrap_or(Duration::from_secs(1));
        let mut asked = u64::try_from(timeout_ms).map_or_else(|_| left(clock), Duration::from_millis);
        while !asked.is_zero() {
            let nap = asked.min(left(clock)).min(NAP);
            if nap.is_zero() {
                break;
            }
            clock.sleep(nap);
            asked -= nap;
        }
    }
    Ok(ready)
}

/// Calls whose results are not error numbers.
pub fn link(linker: &mut Linker<Host>) -> Result<()> {
    link_time(linker).map_err(Error::engine("linking clocks"))?;
    link_work(linker).map_err(Error::engine("linking signals"))?;
    link_heap(linker).map_err(Error::engine("linking the heap"))
}

fn link_time(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "emscripten_date_now", |mut caller: Caller<'_, Host>| {
        caller.data_mut().clock.wall_ns() as f64 / 1e6
    })?;
    linker.func_wrap(
        "env",
        "emscripten_get_now",
        |mut caller: Caller<'_, Host>| -> wasmtime::Result<f64> {
            let now = caller.data_mut().clock.poll_ms();
            let left = caller.data().limit.left(&caller.data().clock);
            if left.is_none_or(|left| !left.is_zero()) {
                return Ok(now);
            }
            let memory = caller.data().exports.as_ref().map(|exports| exports.memory);
            if let Some(memory) = memory {
                let (bytes, host) = memory.data_and_store_mut(&mut caller);
                limits::check(&mut Guest::new(bytes, host))?;
            }
            // The time is up: a jump of this clock ends the sleep, and the pending interrupt is raised right after it.
            Ok(f64::MAX)
        },
    )?;
    linker.func_wrap(
        "env",
        "_tzset_js",
        |mut caller: Caller<'_, Host>, zone: u32, daylight: u32, std: u32, dst: u32| {
            // A wrong pointer leaves the zone unset, which also means UTC.
            let _ = with_guest(&mut caller, |guest| {
                guest.bytes.put_u32(zone, 0)?;
                guest.bytes.put_u32(daylight, 0)?;
                guest.bytes.put(std, b"UTC\0")?;
                guest.bytes.put(dst, b"UTC\0")
            });
        },
    )?;
    for name in ["_localtime_js", "_gmtime_js"] {
        linker.func_wrap("env", name, |mut caller: Caller<'_, Host>, seconds: i64, into: u32| {
            let _ = with_guest(&mut caller, |guest| put_time(guest, seconds, into));
        })?;
    }
    for name in ["_mktime_js", "_timegm_js"] {
        linker.func_wrap("env", name, |mut caller: Caller<'_, Host>, tm: u32| -> i64 {
            with_guest(&mut caller, |guest| {
                let mut fields = [0; 6];
                for (index, field) in fields.iter_mut().enumerate() {
                    *field = guest.bytes.u32(tm.wrapping_add(4 * index as u32))? as i32;
                }
                let seconds = seconds_of(fields);
                put_time(guest, seconds, tm)?;
                Ok(seconds)
            })
            .unwrap_or(-1)
        })?;
    }
    Ok(())
}

fn put_time(guest: &mut Guest<'_>, seconds: i64, into: u32) -> std::result::Result<(), Errno> {
    // Year 10^6 and beyond would overflow the arithmetic of the calendar; C says the result is then unspecified.
    let seconds = seconds.clamp(-(1 << 44), 1 << 44);
    for (index, field) in broken_down(seconds).into_iter().enumerate() {
        guest.bytes.put_u32(into.wrapping_add(4 * index as u32), field as u32)?;
    }
    guest.bytes.put_u32(into.wrapping_add(36), 0)
}

/// The interpreter asks this after every so much work, if it was told to.
fn link_work(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "_Py_CheckEmscriptenSignals_Helper",
        |mut caller: Caller<'_, Host>| -> wasmtime::Result<i32> { Ok(limits::on_work(caller.data_mut())?) },
    )?;
    Ok(())
}

const PAGE: usize = 65_536;

fn link_heap(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "emscripten_get_heap_max", |caller: Caller<'_, Host>| {
        caller.data().cap.memory_bytes as u32
    })?;
    linker.func_wrap(
        "env",
        "emscripten_resize_heap",
        |mut caller: Caller<'_, Host>, wanted: u32| -> i32 {
            let Some(memory) = caller.data().exports.as_ref().map(|exports| exports.memory) else { return 0 };
            let (wanted, cap, old) =
                (wanted as usize, caller.data().cap.memory_bytes, memory.data_size(&caller));
            if wanted > cap {
                return 0;
            }
            // Grow by a fifth, so that a growing list does not ask for every page.
            let new = wanted.max(old + old / 5).min(cap).next_multiple_of(PAGE).min(cap / PAGE * PAGE);
            i32::from(
                new >= wanted && memory.grow(&mut caller, (new.saturating_sub(old) / PAGE) as u64).is_ok(),
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "_emscripten_get_progname",
        |mut caller: Caller<'_, Host>, into: u32, len: u32| {
            let name = b"python\0";
            if len as usize >= name.len() {
                let _ = with_guest(&mut caller, |guest| guest.bytes.put(into, name));
            }
        },
    )?;
    Ok(())
}
