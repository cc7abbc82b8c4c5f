"""Servers as child processes: started, watched, restarted, and never left behind."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from mathforge.errors import InputError, ServerError
from mathforge.launching import Launch, dry_run, fate, launch

HEALTHY = (
    "import http.server, sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.end_headers()\n"
    "    def log_message(self, *a): pass\n"
    "port = int(sys.argv[sys.argv.index('--port') + 1])\n"
    "http.server.HTTPServer(('127.0.0.1', port), H).serve_forever()\n"
)


def script(folder: Path, code: str) -> str:
    """An entrypoint that runs `code` in place of a model server."""
    path = folder / "server.py"
    path.write_text(code)
    return f"{sys.executable} {path}"


def noting(path: Path) -> str:
    """Code that writes its process id."""
    return f"import os, pathlib\npathlib.Path({str(path)!r}).write_text(str(os.getpid()))\n"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_replicas_of_a_replay_answer_at_addresses_of_their_own(recording, tmp_path):
    what = Launch(server_type="replay", recordings=(str(recording),), replicas=2)
    with launch(what, tmp_path) as addresses:
        assert len(set(addresses)) == 2
        for address in addresses:
            assert fate(address) == "running"
            assert urllib.request.urlopen(f"{address}/models", timeout=5).status == 200
    assert [fate(address) for address in addresses] == [None, None]
    for address in addresses:
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{address}/models", timeout=5)


def test_a_server_that_dies_at_once_is_shown_with_its_last_words(tmp_path):
    entry = script(tmp_path, "print('loading'); raise SystemExit('CUDA out of memory')")
    said = r"ended with status 1 before it answered(.|\n)*CUDA out of memory"
    with pytest.raises(ServerError, match=said), launch(Launch("m", entrypoint=entry), tmp_path):
        pytest.fail("it never answered")


def test_a_server_that_never_gets_healthy_has_a_time_limit_and_leaves_nothing(tmp_path):
    entry = script(
        tmp_path,
        "import os, pathlib, subprocess, time\n"
        "worker = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(tmp_path / 'pids')!r}).write_text(f'{{os.getpid()}} {{worker.pid}}')\n"
        "print('loading weights', flush=True)\ntime.sleep(600)\n",
    )
    what = Launch("m", entrypoint=entry, start_timeout_s=1.5)
    said = r"did not answer within 1.5 s(.|\n)*loading weights"
    with pytest.raises(ServerError, match=said), launch(what, tmp_path):
        pytest.fail("it never answered")
    assert not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_missing_program_is_named(tmp_path):
    what = Launch("m", entrypoint="no-such-server serve")
    with pytest.raises(ServerError, match="no program `no-such-server`") as caught, launch(what, tmp_path):
        pytest.fail("it never answered")
    assert "--server-entrypoint" in (caught.value.hint or "")


def test_a_dead_server_comes_back_on_its_address(tmp_path, capfd):
    entry = script(
        tmp_path,
        noting(tmp_path / "pid") + HEALTHY,
    )
    with launch(Launch("m", entrypoint=entry), tmp_path) as [address]:
        first = int((tmp_path / "pid").read_text())
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: fate(address) == "starting")
        wait_for(lambda: fate(address) == "running")
        assert int((tmp_path / "pid").read_text()) != first
    said = capfd.readouterr().err
    assert "restart 1 of 5" in said
    assert "answers again" in said


def test_a_server_that_keeps_dying_is_given_up(tmp_path):
    once = tmp_path / "once"
    entry = script(
        tmp_path,
        f"import os, pathlib, threading, time\nonce = pathlib.Path({str(once)!r})\n"
        "if once.exists(): raise SystemExit('broken for good')\n"
        "once.touch()\n"
        f"threading.Timer(1.0, lambda: os._exit(3)).start()\n{HEALTHY}",
    )
    with launch(Launch("m", entrypoint=entry, max_restarts=1), tmp_path) as [address]:
        wait_for(lambda: fate(address) == "gone")
    assert "broken for good" in (tmp_path / "server-0.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_its_starter(tmp_path, number):
    entry = script(
        tmp_path,
        "import os, pathlib, subprocess\nworker = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(tmp_path / 'pids')!r}).write_text(f'{{os.getpid()}} {{worker.pid}}')\n{HEALTHY}",
    )
    code = (
        "import time\nfrom mathforge.launching import Launch, launch\n"
        f"with launch(Launch('m', entrypoint={entry!r}), {str(tmp_path)!r}):\n"
        "    print('up', flush=True)\n    time.sleep(600)\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert starter.stdout.readline() == b"up\n"
    starter.send_signal(number)
    starter.wait(30)
    starter.stdout.close()
    wait_for(lambda: not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split()))


def test_a_killed_guard_takes_its_server_with_it(tmp_path):
    entry = script(
        tmp_path,
        noting(tmp_path / "pid") + HEALTHY,
    )
    with launch(Launch("m", entrypoint=entry), tmp_path) as [address]:
        server = int((tmp_path / "pid").read_text())
        os.kill(os.getsid(server), signal.SIGKILL)  # the guard leads the session
        wait_for(lambda: not alive(server))
        wait_for(lambda: fate(address) == "running" and int((tmp_path / "pid").read_text()) != server)


def test_command_lines(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    [vllm] = dry_run(Launch("openai/gpt-oss-120b", gpus=8, args="--async-scheduling", port=5000))
    assert str(vllm) == (
        "vllm serve openai/gpt-oss-120b --served-model-name openai/gpt-oss-120b --host 127.0.0.1 --port 5000 "
        "--tensor-parallel-size 8 --async-scheduling"
    )
    assert vllm.address == "http://127.0.0.1:5000/v1"
    sglang = dry_run(Launch("m", "sglang", gpus=2, replicas=2))
    assert [one.environment["CUDA_VISIBLE_DEVICES"] for one in sglang] == ["0,1", "2,3"]
    assert "python3 -m sglang.launch_server --model-path m" in str(sglang[0])
    [trtllm] = dry_run(Launch("/models/q", "trtllm", gpus=4))
    assert str(trtllm) == "trtllm-serve /models/q --host 127.0.0.1 --port 5000 --tp_size 4"


def test_several_nodes_go_through_srun(monkeypatch):
    what = Launch("m", gpus=8, nodes=2)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(InputError, match="2 nodes needs a Slurm job"):
        dry_run(what)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    [command] = dry_run(what)
    assert command.argv[0] == "srun"
    assert "--tensor-parallel-size 16" in command.argv[-1]
    shown = subprocess.run(
        ["sh", "-c", command.argv[-1].replace("exec vllm", "echo")],
        env={"PATH": os.environ["PATH"], "SLURM_NODEID": "1", "MATHFORGE_FIRST_NODE": "n1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--node-rank 1 --master-addr n1 --master-port 15000 --headless" in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": None}, "--model is missing"),
        ({"model": "m", "server_type": "openai"}, "no server of type `openai`"),
        ({"model": "m", "replicas": 0}, "--replicas is out of range"),
        ({"model": "m", "nodes": 2, "replicas": 2}, "need a job each"),
        ({"model": "m", "args": "'"}, "--server-args"),
        ({"server_type": "replay"}, "needs a recording"),
    ],
)
def test_what_cannot_be_started_is_said_at_once(fields, said):
    with pytest.raises(InputError, match=said):
        Launch(**fields)


def test_too_few_visible_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with pytest.raises(InputError, match="need 4, CUDA_VISIBLE_DEVICES names 3"):
        dry_run(Launch("m", gpus=2, replicas=2))
