//! What the tests of sessions share.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // helpers of tests

use std::path::Path;
use std::time::Duration;

use mathforge_sandbox::{Outcome, Sandbox, SandboxConfig, Session};

/// A sandbox of the image that `MATHFORGE_SANDBOX_IMAGE` names; None, saying so, without it.
pub fn sandbox() -> Option<Sandbox> {
    let Some(image) = std::env::var_os("MATHFORGE_SANDBOX_IMAGE") else {
        println!("skipped: set MATHFORGE_SANDBOX_IMAGE to a prepared image");
        return None;
    };
    let config =
        SandboxConfig { memory_mib: 256, grace: Duration::from_millis(300), ..SandboxConfig::default() };
    Some(Sandbox::open(Path::new(&image), config).unwrap())
}

/// A cell with a minute's time.
pub fn run(session: &Session, code: &str) -> Outcome {
    session.run(code, Duration::from_mins(1)).unwrap()
}
