//! How a cell ended.

use std::time::Duration;

use crate::limits::Ending;
use crate::python::Status;

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellStatus {
    /// To its end.
    Ok,
    /// With an exception, or by bringing the interpreter down.
    Error,
    /// At its time limit.
    Timeout,
    /// With a `MemoryError`.
    Memory,
    /// Not run: the session's state is gone through no fault of the cell.
    Lost,
}

impl CellStatus {
    /// The lowercase name used in files and in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Lost => "lost",
        }
    }
}

/// What came back from a cell.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: CellStatus,
    /// Prints and the echoed last expression.
    pub stdout: String,
    /// Traceback, warnings, and what became of the session when the interpreter had to be replaced.
    pub stderr: String,
    /// Wall time in seconds.
    pub wall_s: f64,
    /// Processor time in seconds.
    pub cpu_s: f64,
    /// Whether output was cut.
    pub truncated: bool,
    /// Whether the interpreter was replaced by one in the state from before the cell.
    pub rolled_back: bool,
    /// Whether the variables are gone: the next cell runs in a fresh session.
    pub state_lost: bool,
    /// Pages of 4 KiB that the session does not share with its image, as last counted: after its first cell and after
    /// every one that used the processor for 2 ms. 0 where the system cannot tell.
    pub dirty_pages: usize,
}

impl Outcome {
    /// One with nothing but a status.
    pub fn of(status: CellStatus) -> Self {
        Self {
            status,
            stdout: String::new(),
            stderr: String::new(),
            wall_s: 0.0,
            cpu_s: 0.0,
            truncated: false,
            rolled_back: false,
            state_lost: false,
            dirty_pages: 0,
        }
    }
}

/// What the end of a cell's call into the guest means.
pub struct Verdict {
    /// The cell's status.
    pub status: CellStatus,
    /// A sentence for the error stream, to be completed by what became of the session.
    pub what: Option<String>,
    /// Whether the interpreter is beyond use.
    pub broken: bool,
    /// Whether the output depends on how fast the machine is, where it should not.
    pub arbitrary: bool,
}

impl Verdict {
    /// Of a cell that filled the memory to its last bytes.
    pub fn no_room() -> Self {
        let what = "MemoryError: the cell left no memory to go on with".to_owned();
        Self { status: CellStatus::Memory, what: Some(what), broken: true, arbitrary: false }
    }
}

/// Reads the end of a cell.
pub fn judge(result: &wasmtime::Result<Status>, interrupted: bool, timeout: Duration) -> Verdict {
    let limit = timeout.as_secs_f64();
    let lives = |status| Verdict { status, what: None, broken: false, arbitrary: false };
    match result {
        Ok(_) if interrupted => Verdict {
            what: Some(format!("TimeoutError: the cell was stopped after {limit} s")),
            ..lives(CellStatus::Timeout)
        },
        Ok(Status::Ok) => lives(CellStatus::Ok),
        Ok(Status::Error | Status::Interrupted) => lives(CellStatus::Error),
        Ok(Status::Memory) => lives(CellStatus::Memory),
        Err(error) => {
            let (status, what) = broken(error, limit);
            let arbitrary = matches!(error.downcast_ref::<Ending>(), Some(Ending::Stuck));
            Verdict { status, what: Some(what), broken: true, arbitrary }
        }
    }
}

fn broken(error: &wasmtime::Error, limit: f64) -> (CellStatus, String) {
    match error.downcast_ref::<Ending>() {
        Some(Ending::Abandoned) => return (CellStatus::Lost, "the session was closed".to_owned()),
        Some(Ending::Killed | Ending::Stuck) => {
            return (
                CellStatus::Timeout,
                format!("TimeoutError: the cell did not stop within its limit of {limit} s"),
            );
        }
        Some(ending) => return (CellStatus::Error, format!("SystemError: {ending}")),
        None => {}
    }
    let what = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::StackOverflow) => "RecursionError: the machine stack is exhausted".to_owned(),
        Some(trap) => format!("SystemError: the interpreter crashed ({trap})"),
        None => format!("SystemError: the interpreter failed ({error:#})"),
    };
    (CellStatus::Error, what)
}
