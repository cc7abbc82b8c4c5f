//! Sessions of a prepared image: `MATHFORGE_SANDBOX_IMAGE` names its folder; without it these tests say so and pass.
#![allow(clippy::unwrap_used)] // a test file

mod support;

use std::time::Duration;

use mathforge_sandbox::CellStatus;
use support::{run, sandbox};

#[test]
fn cells_share_state_and_echo() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    assert_eq!(run(&session, "x = 41").status, CellStatus::Ok);
    assert_eq!(run(&session, "print('a')\nx + 1").stdout, "a\n42\n");
    let failed = run(&session, "1/0");
    assert_eq!(failed.status, CellStatus::Error);
    assert!(failed.stderr.ends_with("ZeroDivisionError: division by zero\n"));
}

#[test]
fn a_soft_interrupt_keeps_the_state_and_a_kill_goes_back() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    run(&session, "x = 1");
    let soft = session.run("while True: pass", Duration::from_millis(300)).unwrap();
    assert_eq!((soft.status, soft.state_lost), (CellStatus::Timeout, false));
    assert_eq!(run(&session, "x").stdout, "1\n");
    let stubborn = "while True:\n  try:\n    while True: pass\n  except BaseException: pass";
    let hard = session.run(stubborn, Duration::from_millis(300)).unwrap();
    assert_eq!((hard.status, hard.rolled_back, hard.state_lost), (CellStatus::Timeout, true, false));
    assert_eq!(run(&session, "x").stdout, "1\n");
}

#[test]
fn deep_recursion_costs_the_session_at_most() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    for code in [
        "import sys; sys.setrecursionlimit(10**7)\ndef f(): return f()\nf()",
        "a, b = [], []\nfor _ in range(1_000_000): a, b = [a], [b]\na == b",
    ] {
        let deep = run(&session, code);
        assert_ne!(deep.status, CellStatus::Ok);
        assert_eq!(run(&session, "1").stdout, "1\n");
    }
}

#[test]
fn sessions_run_side_by_side() {
    let Some(sandbox) = sandbox() else { return };
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let sandbox = sandbox.clone();
            std::thread::spawn(move || {
                let session = sandbox.session();
                let code = format!("from sympy import *; x = symbols('x'); diff(x**{n}, x).subs(x, 1)");
                session.run(&code, Duration::from_secs(30)).unwrap().stdout
            })
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap(), format!("{n}\n"));
    }
}

#[test]
fn repeated_kills_do_not_leak() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    for _ in 0..50 {
        let outcome = run(&session, "a = bytearray(50 << 20); import os; os._exit(0)");
        assert!(outcome.rolled_back, "{outcome:?}");
    }
    assert_eq!(run(&session, "1").stdout, "1\n");
}
