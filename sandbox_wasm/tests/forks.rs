//! Forks, snapshots and the way back after a kill: `MATHFORGE_SANDBOX_IMAGE` names the image's folder; without it these
//! tests say so and pass.
#![allow(clippy::unwrap_used)] // a test file

mod support;

use mathforge_sandbox::CellStatus;
use support::{run, sandbox};

const KILL: &str = "import os; os._exit(1)";

#[test]
fn a_fork_is_equal_and_then_its_own() {
    let Some(sandbox) = sandbox() else { return };
    let parent = sandbox.session();
    run(
        &parent,
        "import random\nx = [1]\nopen('f', 'w').write('parent')\nf = open('f')\ny = sum(range(10**5))",
    );
    let child = parent.fork().unwrap();
    assert_eq!(parent.state_hash().unwrap(), child.state_hash().unwrap());
    let code = "x.append(len(x)); x, f.read(), random.random(), y";
    assert_eq!(run(&parent, code).stdout, run(&child, code).stdout);
    run(&child, "x = 'child'; open('f', 'w').write('child')");
    let grandchild = child.fork().unwrap();
    assert_eq!(run(&parent, "x, open('f').read()").stdout, "([1, 1], 'parent')\n");
    drop((parent, child));
    assert_eq!(run(&grandchild, "x, open('f').read()").stdout, "('child', 'child')\n");
}

#[test]
fn a_killed_cell_leaves_the_state_before_it() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    let steps = [
        "import random, time, os\nx = [random.random(), time.time(), os.urandom(4)]",
        "open('f', 'w').write('kept')",
        "import sympy; y = sympy.integrate(sympy.Symbol('t') ** 3 * sympy.exp(sympy.Symbol('t')))",
        "for _ in range(100000): time.time()",
        "z = sum(i * i for i in range(10**6))",
    ];
    for step in steps {
        assert_eq!(run(&session, step).status, CellStatus::Ok);
        let before = session.state_hash().unwrap();
        let killed =
            run(&session, &format!("x = None; os.remove('f') if os.path.exists('f') else 0\n{KILL}"));
        assert!(killed.rolled_back && !killed.state_lost, "{killed:?}");
        assert_eq!(session.state_hash().unwrap(), before, "after {step}");
    }
    assert_eq!(run(&session, "open('f').read(), len(x), y").stdout.lines().count(), 1);
}

#[test]
fn a_snapshot_outlives_its_session() {
    let Some(sandbox) = sandbox() else { return };
    let session = sandbox.session();
    run(&session, "x = 1");
    let saved = session.snapshot().unwrap();
    run(&session, "x = 2");
    drop(session);
    for _ in 0..2 {
        let again = sandbox.restore(&saved).unwrap();
        assert_eq!(run(&again, "x").stdout, "1\n");
        assert!(run(&again, KILL).rolled_back);
        assert_eq!(run(&again, "x").stdout, "1\n");
    }
}
