"""Runs one command and ends it, with everything it started, once whoever started this script is gone.

Run as a script of its own, without the package: `python -I -S guard.py GRACE_S COMMAND...`. The starter holds
the other end of standard input and says nothing on it; when it closes that end, or dies in whatever way, the
kernel reports the end of input here. That needs no polling and works for kill -9 too.
"""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Run the command; its exit status, 128 + n after signal n, 127 when it cannot be started."""
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    stops: list[int] = []
    for number in signals:
        signal.signal(number, lambda number, frame: stops.append(number))
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"cannot start `{command[0]}`: {error.strerror}", file=sys.stderr)
        return 127
    while child.poll() is None and not stops:
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready and not os.read(0, 4096):
            break
        if woken in ready:
            os.read(woken, 4096)
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    end_session(child, grace_s)
    status = child.wait()
    return status if status >= 0 else 128 - status


def end_session(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask all processes of this session to end, then kill what is left; workers may outlive their server."""
    deadline = time.monotonic() + grace_s
    asked: set[int] = set()
    while others := session_members():
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in others if number == signal.SIGKILL else others - asked:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        asked |= others
        child.poll()  # buries it
        time.sleep(0.02)


def session_members() -> set[int]:
    """Living processes of this session besides this one."""
    own, members = os.getpid(), set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == own and fields[0] != "Z" and int(entry.name) != own:
            members.add(int(entry.name))
    return members


if __name__ == "__main__":
    sys.exit(main())
