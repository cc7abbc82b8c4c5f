//! Threads with a stack deep enough for guest code. Sessions are data: any of these threads runs any session's cell.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::engine::THREAD_STACK_BYTES;
use crate::error::{Error, Result};

/// Work, and the way to send more: whoever holds it keeps the thread alive.
struct Job {
    work: Work,
    thread: Thread,
}

/// Tells whether the thread is back in line.
type Work = Box<dyn FnOnce(&Weak<Runners>, Thread) -> bool + Send>;

type Thread = mpsc::Sender<Job>;

/// The idle threads.
pub struct Runners {
    idle: Mutex<Vec<Thread>>,
    keep: usize,
}

/// Whether a thread's stack is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// It was little used.
    Shallow,
    /// A recursion may have touched hundreds of MiB of it, which only the thread's end gives back.
    PerhapsDeep,
}

/// Work that another thread does.
pub struct Pending<R>(mpsc::Receiver<R>);

impl<R> Pending<R> {
    /// Waits for its result; an error when it panics.
    pub fn wait(&self) -> Result<R> {
        self.0.recv().map_err(|_| Error::Closed)
    }

    /// The same for a while; `None` when it takes longer.
    pub fn wait_for(&self, length: Duration) -> Option<Result<R>> {
        match self.0.recv_timeout(length) {
            Ok(result) => Some(Ok(result)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Error::Closed)),
        }
    }
}

impl Runners {
    /// No threads as yet; as many as there are processors are kept waiting.
    pub fn new() -> Arc<Self> {
        let keep = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self { idle: Mutex::new(Vec::new()), keep })
    }

    /// Has `work` done on a deep stack.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> (R, Stack) + Send + 'static,
    ) -> Result<Pending<R>> {
        let (answer, received) = mpsc::sync_channel(1);
        let work = Box::new(move |runners: &Weak<Self>, thread| {
            let (result, stack) = work();
            // First back in line, then the answer: whoever waits for it often has more to do.
            let stays =
                stack == Stack::Shallow && runners.upgrade().is_some_and(|runners| runners.put_back(thread));
            // Whoever asked may have gone away meanwhile.
            let _ = answer.send(result);
            stays
        });
        let idle = self.lock().pop();
        let thread = idle.map_or_else(|| self.spawn(), Ok)?;
        thread.send(Job { work, thread: thread.clone() }).map_err(|_| Error::Closed)?;
        Ok(Pending(received))
    }

    fn spawn(self: &Arc<Self>) -> Result<Thread> {
        let (thread, jobs) = mpsc::channel::<Job>();
        let runners = Arc::downgrade(self);
        std::thread::Builder::new()
            .name("mathforge-cell".into())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || {
                for Job { work, thread } in jobs {
                    if !work(&runners, thread) {
                        return;
                    }
                }
            })
            .map_err(|source| Error::File { path: "thread".into(), source })?;
        Ok(thread)
    }

    fn put_back(&self, thread: Thread) -> bool {
        let mut idle = self.lock();
        let stays = idle.len() < self.keep;
        if stays {
            idle.push(thread);
        }
        stays
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shallow_thread_serves_again_and_a_deep_one_ends() {
        let runners = Runners::new();
        let id = |stack| {
            let id = runners.start(move || (std::thread::current().id(), stack)).unwrap();
            id.wait().unwrap()
        };
        let first = id(Stack::Shallow);
        assert_eq!(id(Stack::PerhapsDeep), first);
        assert_ne!(id(Stack::Shallow), first);
    }

    #[test]
    fn a_panic_is_an_error_and_idle_threads_end_with_their_owner() {
        let runners = Runners::new();
        let (alive, ended) = mpsc::channel::<()>();
        assert!(runners.start::<()>(|| std::panic::resume_unwind(Box::new(1))).unwrap().wait().is_err());
        runners
            .start(move || {
                thread_local!(static HELD: std::cell::RefCell<Option<mpsc::Sender<()>>> = const { std::cell::RefCell::new(None) });
                HELD.set(Some(alive));
                ((), Stack::Shallow)
            })
            .unwrap()
            .wait()
            .unwrap();
        drop(runners);
        assert!(ended.recv().is_err());
    }
}
