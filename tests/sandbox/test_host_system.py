"""Threat: a cell reaches what surrounds it: environment, processes, network, threads, JavaScript."""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import os

import pytest


def test_the_environment_of_the_host_is_not_there(attack, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret of the host")
    shown = attack("import os\n'secret' in str(dict(os.environ)), os.environ.get('OPENAI_API_KEY')").stdout
    assert shown == "(False, None)\n"


def test_setting_variables_stays_inside(attack):
    attack("import os\nos.environ['PATH'] = os.environ['LD_PRELOAD'] = '/evil'; os.putenv('X', '1')")
    assert "LD_PRELOAD" not in os.environ


@pytest.mark.parametrize(
    "code",
    [
        "os.fork()",
        "os.forkpty()",
        "os.execv('/bin/sh', ['sh', '-c', 'true'])",
        "os.execvpe('sh', ['sh'], {})",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.spawnl(os.P_WAIT, '/bin/true', 'true')",
        "os.popen('id').read()",
        "subprocess.Popen(['id'])",
        "subprocess.check_output('id', shell=True)",
        "pty.spawn('/bin/sh')",
        "multiprocessing.Pool(2)",
        "multiprocessing.Process(target=print).start()",
        "multiprocessing.shared_memory.SharedMemory(create=True, size=10)",
        "concurrent.futures.ThreadPoolExecutor().submit(print).result()",
        "threading.Thread(target=print).start()",
        "_thread.start_new_thread(print, ())",
        "os.kill(1, 9)",
        "os.kill(os.getppid(), 9)",
        "os.killpg(0, 15)",
        "os.setuid(0) or os.setgid(0) or 1/0",
        "os.nice(-20)",
        "resource.setrlimit(resource.RLIMIT_AS, (1, 1))",
        "os.sched_setaffinity(0, [0])",
        "os.wait()",
        "os.ptrace()",
    ],
)
def test_processes_and_threads_are_refused(attack, code):
    modules = "os, subprocess, concurrent.futures, threading, _thread"
    outcome = attack(
        f"import {modules}\n"
        "for name in ('pty', 'multiprocessing', 'multiprocessing.shared_memory', 'resource'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: pass\n"
        "    else: globals()[name.partition('.')[0]] = __import__(name)\n"
        f"{code}\nprint('done')"
    )
    assert outcome.status == "error"
    assert outcome.stdout == ""


def test_commands_are_not_run(attack):
    assert attack("import os\nos.system('touch escaped'), os.system('kill -9 $PPID')").stdout == "(-1, -1)\n"


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socketpair()",
        "socket.create_connection(('127.0.0.1', 22), 1)",
        "socket.create_server(('', 8000))",
        "socket.getaddrinfo('localhost', 80)",
        "socket.gethostbyname('example.org')",
        "socket.fromfd(0, socket.AF_INET, socket.SOCK_STREAM).connect(('127.0.0.1', 22))",
        "socket.socket(fileno=1).sendto(b'x', ('127.0.0.1', 53))",
        "urllib.request.urlopen('http://169.254.169.254/latest/meta-data/')",
        "urllib.request.urlopen('file:///etc/passwd')",
        "http.client.HTTPConnection('127.0.0.1', 80).request('GET', '/')",
        "asyncio.run(asyncio.open_connection('127.0.0.1', 80))",
        "asyncio.run(asyncio.start_server(print, '127.0.0.1', 0))",
        "asyncio.run(asyncio.create_subprocess_shell('id'))",
        "smtplib.SMTP('127.0.0.1')",
        "ssl.create_default_context().wrap_socket(socket.socket())",
    ],
)
def test_the_network_is_not_there(attack, code):
    outcome = attack(
        "import socket, urllib.request, http.client, asyncio, smtplib\n"
        "try: import ssl\n"
        "except ImportError: pass\n"
        f"{code}\nprint('done')"
    )
    assert outcome.status == "error"
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    "code",
    [
        "import js",
        "import pyodide",
        "import pyodide.ffi",
        "import pyodide_js",
        "import _pyodide_core",
        "from pyodide.code import run_js; run_js('process.exit()')",
        "from pyodide.http import pyfetch",
        "import micropip",
        "import webbrowser; webbrowser.open('http://example.org') or 1/0",
        "import sys; del sys.modules['_pyodide_core']; import _pyodide_core",
        "import sys; sys.modules.pop('_pyodide_core', 0); sys.modules.pop('js', 0); import _pyodide_core as c; c.x",
        "import _imp, importlib.machinery as m; _imp.create_builtin(m.ModuleSpec('_pyodide_core', None))",
    ],
)
def test_javascript_is_not_there(attack, code):
    outcome = attack(code)
    assert outcome.status == "error"


@pytest.mark.parametrize(
    "code",
    [
        "os._exit(0)",
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "signal.raise_signal(signal.SIGSEGV)",
        "signal.raise_signal(signal.SIGKILL)",
        "signal.alarm(1)",
        "signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.1)",
        "signal.pthread_kill(0, 9)",
        "faulthandler.dump_traceback_later(0.01); time.sleep(0.1)",
        "faulthandler._sigabrt()",
        "faulthandler._stack_overflow()",
        "faulthandler._fatal_error_c_thread()",
        "atexit.register(os._exit, 7)",
        "sys.exit(2**40)",
        "raise SystemExit(object())",
        "raise GeneratorExit",
    ],
)
def test_a_cell_that_ends_its_process_ends_only_itself(attack, code):
    attack(f"import os, signal, sys, time, atexit, faulthandler\n{code}")
