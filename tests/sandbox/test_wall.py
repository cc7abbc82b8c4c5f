"""What is outside stays outside: files, network, processes, environment, other sessions."""

import os
import threading
import time

import pytest


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/proc/self/environ", "/root", "../../../../etc/hosts", __file__]
)
def test_host_files_do_not_exist(run, path):
    assert "FileNotFoundError" in run(f"open({path!r})").stderr


def test_the_environment_is_ours(run, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    os.environ["SECRET_OF_THE_HOST_2"] = "1"
    names = eval(run("import os; sorted(os.environ)").stdout)
    assert names == ["HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"]
    del os.environ["SECRET_OF_THE_HOST_2"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import socket; socket.socket()", "OSError"),
        ("import socket; socket.create_connection(('127.0.0.1', 80))", "gaierror"),
        ("import socket; socket.getaddrinfo('localhost', 80)", "gaierror"),
        ("import urllib.request; urllib.request.urlopen('http://localhost')", "URLError"),
        ("import subprocess; subprocess.run(['ls'])", "OSError"),
        ("import os; os.fork()", "Error"),
        ("import os; os.execv('/bin/sh', ['sh'])", "Error"),
        ("import threading; threading.Thread(target=print).start()", "RuntimeError: can't start new thread"),
        ("import multiprocessing as m; m.Process(target=print).start()", "Error"),
        ("import js", "ModuleNotFoundError"),
        ("import pyodide", "ModuleNotFoundError"),
        ("import pyodide_js", "ModuleNotFoundError"),
        ("import _pyodide_core", "ModuleNotFoundError"),
        ("import ctypes; ctypes.CDLL('libc.so.6')", "OSError"),
        ("import os; os.symlink('/a', 'b')", "PermissionError"),
        ("open('/dev/x', 'w')", "PermissionError"),
        ("import mmap; mmap.mmap(-1, 4096)", ""),
    ],
)
def test_refusals_are_plain_exceptions(run, code, error):
    outcome = run(code, 5.0)
    assert error in outcome.stderr
    assert not outcome.state_lost
    assert run("1").stdout == "1\n"


def test_system_does_nothing(run):
    assert run("import os; os.system('ls')").stdout == "-1\n"


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(3)",
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import signal; signal.raise_signal(signal.SIGSEGV)",
        "import ctypes; ctypes.string_at(0xfffffff0, 100)",
        "import ctypes; ctypes.memset(8, 1, 50 << 20)",
        "import ctypes; ctypes.CFUNCTYPE(None)(12345678)()",
        "import ctypes; ctypes.CFUNCTYPE(None, ctypes.c_int)(3)(1)",
        "import faulthandler; faulthandler._sigsegv()",
        "import sys; sys.stdout.buffer.raw.__init__(99, 'w')",
    ],
)
def test_a_broken_interpreter_is_replaced(run, code):
    run("kept = 1")
    outcome = run(code, 5.0)
    assert not outcome.state_lost
    if outcome.rolled_back:
        assert outcome.status == "error"
        assert outcome.stderr.endswith("; the session is as it was before this cell\n")
        assert run("kept").stdout == "1\n"
    assert run("1 + 1", 5.0).stdout == "2\n"


def test_an_exit_of_the_process_is_an_error_that_is_undone(run):
    run("x = 1")
    outcome = run("x = 2; import os; print('last words'); os._exit(3)")
    assert (outcome.status, outcome.rolled_back, outcome.stdout) == ("error", True, "last words\n")
    assert "exited with code 3" in outcome.stderr
    assert run("x").stdout == "1\n"


def test_sessions_do_not_see_each_other(box):
    first, second = box.session(), box.session()
    first.run(
        "import sympy, builtins; secret = 1; sympy.secret = builtins.secret2 = 2; open('f', 'w').write('x')",
        10,
    )
    first.run(
        "import os; os.remove('/lib/python314.zip/json/__init__.py')\n"
        "open('/lib/python314.zip/random.py', 'w').write('broken')",
        10,
    )
    for code, error in [
        ("secret", "NameError"),
        ("secret2", "NameError"),
        ("import sympy; sympy.secret", "AttributeError"),
        ("open('f')", "FileNotFoundError"),
    ]:
        assert error in second.run(code, 10).stderr
    assert second.run("len(open('/lib/python314.zip/random.py').read()) > 10_000", 10).stdout == "True\n"


def test_random_numbers_differ_between_sessions_and_repeat_with_a_seed(box):
    code = (
        "import random, os, uuid, secrets, sympy.core.random as r\n"
        "random.random(), os.urandom(8), uuid.uuid4().hex, secrets.randbits(64), r.rng.random()"
    )
    drawn = [box.session().run(code, 10).stdout for _ in range(3)]
    columns = zip(*(eval(text) for text in drawn), strict=True)
    assert all(len(set(column)) == 3 for column in columns)
    assert box.session(seed=7).run(code, 10).stdout == box.session(seed=7).run(code, 10).stdout
    assert box.session(seed=7).run(code, 10).stdout != box.session(seed=8).run(code, 10).stdout


def test_hashes_are_the_same_everywhere(box):
    code = "hash('a'), list({'b', 'a', 'c'})"
    assert box.session().run(code, 10).stdout == box.session().run(code, 10).stdout


def test_a_session_serves_any_thread_and_releases_the_gil(box):
    session = box.session()
    session.run("x = 0", 10)
    ticks = []
    thread = threading.Thread(target=lambda: session.run("import time; time.sleep(0.3); x += 1", 10))
    thread.start()
    while thread.is_alive():
        ticks.append(time.monotonic())
        time.sleep(0.01)
    assert len(ticks) > 10
    threads = [threading.Thread(target=session.run, args=("x += 1", 10.0)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.run("x", 10).stdout == "9\n"


def test_a_closed_session_says_so(box):
    session = box.session()
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.run("1", 1.0)


def test_a_damaged_image_is_an_error_not_a_crash(image, tmp_path):
    import shutil

    from mathforge import _native

    for name in ("files.json", "files.bin", "state.json"):
        shutil.copy(image / name, tmp_path / name)
    (tmp_path / "image.cwasm").write_bytes(b"\0" * 1000)
    with pytest.raises(RuntimeError, match=r"image\.cwasm"):
        _native.Sandbox(str(tmp_path))
    with pytest.raises(RuntimeError, match=r"state\.json"):
        _native.Sandbox(str(tmp_path / "nowhere"))
