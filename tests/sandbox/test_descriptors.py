"""Threat: a cell opens descriptors until there are none, for itself or for the host."""

from pathlib import Path

import pytest

LIMIT = 1024


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    "opening",
    [
        "open('f', 'w')",
        "open('/dev/null')",
        "open('/lib/python314.zip', 'rb')",
        "os.open('/', os.O_RDONLY)",
        "os.dup(1)",
        "os.scandir('/')",
        "tempfile.TemporaryFile()",
        "os.fdopen(os.dup(2), 'w')",
        "zipfile.ZipFile('/lib/python314.zip')",
    ],
)
def test_descriptors_run_out_for_the_session_only(attack, run, opening):
    before = open_files()
    run("import os, tempfile, zipfile\nheld = []")
    outcome = attack(f"while len(held) < 5000: held.append({opening})", 10.0)
    assert "Error" in outcome.stderr or outcome.status == "ok"
    assert open_files() <= before + 1
    run("for fd in held:\n    if isinstance(fd, int): os.close(fd)\nheld = fd = None")
    assert run("open('again', 'w').close(); 'closed'").stdout == "'closed'\n"


@pytest.mark.parametrize(
    "code",
    [
        "for fd in range(10_000):\n    try: os.dup2(1, fd)\n    except OSError: pass",
        "os.dup2(1, 2**31 - 1)",
        "os.dup2(0, 1); os.dup2(0, 2); print('unseen')",
        "os.closerange(0, 10_000)",
        "for fd in range(10):\n    try: os.close(fd)\n    except OSError: pass",
        "os.close(-1)",
        "os.write(1000, b'x')",
        "os.pipe()",
        "os.read(1, 10); os.write(0, b'x')",
        "os.lseek(1, 0, 0)",
        "os.ftruncate(1, 10**12)",
        "import fcntl; fcntl.fcntl(1, fcntl.F_DUPFD, 2**31 - 1)",
        "import fcntl; fcntl.fcntl(1, fcntl.F_DUPFD, -1)",
        "import select; select.select(range(1000), range(1000), [], 0)",
        "import select; p = select.poll(); [p.register(n) for n in range(65_536)]; p.poll(0)",
        "import termios; termios.tcgetattr(0)",
    ],
)
def test_tricks_with_numbers_stay_inside(attack, run, code):
    attack(f"import os\n{code}", hurts_itself=True)


def test_locks_are_free_and_sqlite_relies_on_them(run):
    asked = run(
        "import fcntl, struct\n"
        "file = open('locked', 'w')\n"
        "flock = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)\n"
        "struct.unpack('h', fcntl.fcntl(file, fcntl.F_GETLK, flock)[:2])[0] == fcntl.F_UNLCK"
    )
    assert asked.stdout == "True\n", asked.stderr
    outcome = run(
        "import sqlite3\n"
        "one, two = (sqlite3.connect('d.db', timeout=0, isolation_level=None) for _ in range(2))\n"
        "_ = one.execute('create table t(x)'); _ = one.execute('begin immediate')\n"
        "_ = one.execute('insert into t values (1)')\n"
        "try: two.execute('begin immediate')\n"
        "except sqlite3.OperationalError as error: print(error)\n"
        "print(two.execute('select count(*) from t').fetchone())\n"
        "_ = one.execute('commit'); print(two.execute('select * from t').fetchall())"
    )
    assert outcome.stdout == "database is locked\n(0,)\n[(1,)]\n", outcome.stderr


def test_sqlite_rolls_back_the_journal_of_a_writer_that_is_gone(run):
    """A reader asks whether a journal's writer still holds its lock; it must hear that it does not."""
    outcome = run(
        "import shutil, sqlite3\n"
        "c = sqlite3.connect('a.db', isolation_level=None)\n"
        "c.executescript('pragma cache_size=1; create table t(x); insert into t values (1)')\n"
        "_ = c.execute('begin'); _ = c.execute('update t set x = 2')\n"
        "_ = c.executemany('insert into t values (?)', [('y' * 1000,)] * 1000)\n"
        "shutil.copy('a.db', 'b.db'); shutil.copy('a.db-journal', 'b.db-journal')\n"
        "sqlite3.connect('b.db').execute('select x from t').fetchall()"
    )
    assert outcome.stdout.splitlines()[-1] == "[(1,)]", outcome


def test_a_cell_that_takes_the_streams_does_not_silence_the_next(run):
    run("import os, sys\nos.closerange(0, 100); sys.stdout = sys.stderr = None")
    assert run("print('heard')").stdout == "heard\n"
