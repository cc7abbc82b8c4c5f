"""Threat: a cell reads or writes files of the host, through paths, links, devices or descriptors."""
# ruff: noqa: E501 - a cell on one line reads better than in pieces

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/root/.ssh/id_rsa",
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/1/cmdline",
        "/sys/kernel/uevent_seqnum",
        "/dev/sda",
        "/dev/mem",
        "/dev/tty",
        "/dev/fd/0",
        "/var/run/docker.sock",
        "../" * 40 + "etc/hosts",
        "/tmp/../../../../etc/hostname",
        "/home/user/../../etc/passwd",
        "//etc//passwd",
        "/lib/python314.zip/../../etc/passwd",
        str(HERE),
        f"..{HERE}",
    ],
)
def test_paths_of_the_host_do_not_exist(attack, path):
    outcome = attack(f"import os\nprint(os.path.exists({path!r}))\nopen({path!r}, 'rb').read()")
    assert outcome.stdout == "False\n"
    assert "FileNotFoundError" in outcome.stderr


@pytest.mark.parametrize(
    "path", ["etc/passwd\\0.txt", "\\udcff/etc", "a" * 70_000, "/" * 70_000, "a/" * 30_000]
)
def test_strange_paths_are_errors_of_the_cell(attack, path):
    outcome = attack(f"open('{path}')")
    assert outcome.status == "error"
    assert not outcome.state_lost


@pytest.mark.parametrize(
    "code",
    [
        "os.symlink('/etc/passwd', 'link')",
        "os.link('/etc/passwd', 'link')",
        "pathlib.Path('link').symlink_to('/etc')",
        "os.readlink('/proc/self/exe')",
        "os.mknod('device')",
        "os.mkfifo('pipe')",
        "os.chroot('/')",
        "os.mount('a', 'b')",
        "open(os.open('/', os.O_RDONLY | os.O_DIRECTORY), 'w')",
        "os.open('etc/passwd', os.O_RDONLY, dir_fd=os.open('/', os.O_RDONLY))",
        "os.open('../../etc/passwd', os.O_RDONLY, dir_fd=os.open('/tmp', os.O_RDONLY))",
        "os.chdir('/etc')",
        "os.fchdir(3)",
        "os.statvfs('/etc')",
        "shutil.copy('/etc/passwd', 'copy')",
        "zipfile.ZipFile('/etc/passwd')",
        "sqlite3.connect('file:/etc/passwd?mode=ro', uri=True).execute('select 1 from sqlite_master')",
        "mmap.mmap(os.open('/dev/null', os.O_RDWR), 4096)",
    ],
)
def test_ways_around_paths_are_refused(attack, code):
    outcome = attack(f"import os, pathlib, shutil, zipfile, sqlite3, mmap\n{code}\nprint('done')")
    assert outcome.status == "error"
    assert "Error" in outcome.stderr
    assert outcome.stdout == ""


def test_the_root_holds_nothing_of_the_host(attack):
    shown = attack("import os\nsorted(os.listdir('/')), sorted(os.listdir('/dev')), os.getcwd()").stdout
    root, dev, cwd = eval(shown)
    assert set(root) <= {"dev", "home", "lib", "tmp"}
    assert set(dev) <= {"null", "random", "stderr", "stdin", "stdout", "urandom"}
    assert cwd == "/home/user"


def test_what_a_cell_writes_is_not_on_the_host(attack):
    name = f"mathforge-escape-{os.getpid()}"
    attack(
        f"for d in ('/tmp/', '/', '/etc/', ''):\n    try: open(d + {name!r}, 'w').write('x')\n    except OSError: pass"
    )
    for folder in ("/tmp", "/", "/etc", "."):
        assert not Path(folder, name).exists()


def test_the_devices_give_nothing_away(attack):
    shown = attack(
        "a = open('/dev/null', 'rb').read(10), open('/dev/stdin').read(), len(open('/dev/urandom', 'rb').read(64))\n"
        "open('/dev/null', 'w').write('x' * 100)\na"
    ).stdout
    assert shown == "(b'', '', 64)\n"


def test_descriptors_of_the_host_are_not_there(attack):
    # 0, 1 and 2 are the session's own; everything the host has open is not.
    shown = attack(
        "import os\nfound = []\n"
        "for fd in range(3, 2000):\n"
        "    try: os.fstat(fd); found.append(fd)\n"
        "    except OSError: pass\nfound"
    ).stdout
    assert shown == "[]\n"


def test_the_library_on_disk_cannot_be_changed_for_others(attack, box):
    attack(
        "import os, glob\n"
        "for path in ['/lib/python314.zip/heapq.py', *glob.glob('/lib/python3.14/site-packages/sympy/*.py')]:\n"
        "    try: open(path, 'w').write('raise SystemError')\n"
        "    except OSError: pass"
    )
    assert (
        box.session().run("import heapq, importlib; importlib.reload(heapq).heapify([1])", 20).status == "ok"
    )
