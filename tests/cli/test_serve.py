"""`mathforge serve --replay`: the address it prints, how it ends, and what it says about wrong use."""

import json
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from support.replaying import post, prompt_text
from support.sums import PROBLEM, row, write_recording


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("serve") / "recording.jsonl")


class TestCommand:
    def start(self, *arguments):
        command = [sys.executable, "-m", "mathforge", "serve", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_prints_its_address_serves_and_leaves_with_status_0(self, recording):
        process = self.start("--replay", recording, "--port", 0)
        address = process.stdout.readline().strip()
        assert post(address, {"prompt": prompt_text(PROBLEM)})[0] == 200
        process.terminate()
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (0, "")
        assert "4 recorded samples of 2 problems" in err

    def test_ends_with_its_parent(self, recording):
        script = (
            "import os, subprocess, sys\n"
            f"command = [sys.executable, '-m', 'mathforge', 'serve', '--replay', {str(recording)!r}]\n"
            "command += ['--port', '0', '--parent-pid', str(os.getpid())]\n"
            "server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
            "print(server.stdout.readline().strip(), flush=True)\n"
            "os.kill(os.getpid(), 9)\n"
        )
        parent = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
        )
        address = urlsplit(parent.stdout.strip())
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection((address.hostname, address.port), timeout=1).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.1)
        pytest.fail("the server outlived its parent")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "--model is missing"),
            (["--model", "m", "--server-entrypoint", "no-such-program"], "no program `no-such-program`"),
            (["--replay", "/nowhere.jsonl"], "no such recording: /nowhere.jsonl"),
            (["--replay", "BAD"], ":2: not JSON"),
            (["--replay", "GOOD", "--fail", "after=1,how=sulk"], "not a fault: 'after=1,how=sulk'"),
            (["--replay", "GOOD", "--tokens-per-second", "0"], "above 0"),
            (["--replay", "GOOD", "--port", "65536"], "0 to 65535"),
            (["--replay", "GOOD", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
            (["--replay", "GOOD", "--replay", "GOOD"], "was already recorded at"),
        ],
    )
    def test_one_clear_message_for_wrong_use(self, recording, tmp_path, arguments, said):
        bad = tmp_path / "bad.jsonl"
        bad.write_text(json.dumps(row([{"text": "x"}])) + "\n{\n")
        process = self.start("--port", 0, *[{"GOOD": recording, "BAD": bad}.get(a, a) for a in arguments])
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (1, "")
        assert said in err
        assert "Traceback" not in err


class TestModelServers:
    """Servers as child processes; a small program stands for the model server."""

    def command(self, tmp_path, *more):
        program = tmp_path / "server.py"
        program.write_text(
            "import http.server, sys\n"
            "class H(http.server.BaseHTTPRequestHandler):\n"
            "    def do_GET(self): self.send_response(200); self.end_headers()\n"
            "port = int(sys.argv[sys.argv.index('--port') + 1])\n"
            "http.server.HTTPServer(('127.0.0.1', port), H).serve_forever()\n"
        )
        entry = ["--server-entrypoint", f"{sys.executable} {program}", "--log-dir", str(tmp_path)]
        return [sys.executable, "-m", "mathforge", "serve", "--model", "m", "--port", "0", *entry, *more]

    def test_prints_addresses_and_ends_its_servers(self, tmp_path):
        command = self.command(tmp_path, "--replicas", "2", "--server-gpus", "0")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        addresses = process.stdout.readline().strip().split(",")
        ports = [urlsplit(address).port for address in addresses]
        assert len(set(ports)) == 2
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.terminate()
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)

    def test_dry_run_prints_what_would_be_started(self, tmp_path):
        command = [
            sys.executable,
            "-m",
            "mathforge",
            "serve",
            "--model",
            "m",
            "--server_gpus",
            "2",
            "--dry-run",
        ]
        done = subprocess.run(
            [*command, "--server_args=--async-scheduling"], capture_output=True, text=True, check=True
        )
        assert done.stdout == (
            "vllm serve m --served-model-name m --host 127.0.0.1 --port 5000 --tensor-parallel-size 2 "
            "--async-scheduling\n"
        )
