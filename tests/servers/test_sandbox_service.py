"""The sandbox over HTTP: NeMo-Skills' protocol, and one client's sessions hidden from another."""

from __future__ import annotations

import asyncio
import base64
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.commands import sandbox_workers
from support.sandbox_service import NemoClient, ask, execute, serving

from mathforge.errors import InputError
from mathforge.sandbox import Sandbox
from mathforge.sandbox.service.application import Settings
from mathforge.sandbox.service.clients import Clients, check_exposure

ALICE, BOB = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(memory_mib=256, max_output_chars=50_000) as box:
        yield box


@pytest.fixture(scope="module")
def url(box: Sandbox) -> Iterator[str]:
    with serving(box) as url:
        yield url


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# clients\nalice {ALICE}\nbob {BOB}  # the other one\n\n")
    path.chmod(0o600)
    return path


def test_health_sessions_and_delete(url):
    assert ask("GET", f"{url}/health") == (200, {"status": "healthy", "worker": str(os.getpid())})
    execute(url, "1", "one/two")
    listed = ask("GET", f"{url}/sessions")[1]
    assert listed["backend"] == "ipython"
    session = listed["sessions"]["one/two"]
    assert set(session) == {"backend", "created", "last_used", "alive"}
    assert session["alive"] is True
    assert session["created"] <= session["last_used"] <= time.time()
    assert ask("DELETE", f"{url}/sessions/one%2Ftwo")[0] == 200
    assert ask("DELETE", f"{url}/sessions/one%2Ftwo")[0] == 404
    assert "one/two" not in ask("GET", f"{url}/sessions")[1]["sessions"]


@pytest.mark.parametrize(
    ("code", "status", "stdout", "stderr"),
    [
        ("x = 41\nx + 1", "completed", "42\n", ""),
        ("print('a')\n\n'b'", "completed", "a\n'b'\n", ""),
        ("print('\\n\\n  a  \\n\\n')", "completed", "  a\n", ""),
        ("import sys; print('e', file=sys.stderr)", "completed", "", "e\n"),
        ("", "completed", "", ""),
        ("input()", "error", "...EOFError\n", ""),
        ("print('before')\n1/0", "error", "before\nTraceback...ZeroDivisionError: division by zero\n", ""),
        ("[0] * 10**9", "error", "", "Traceback...MemoryError\n"),
        ("!ls", "error", "...magics (%) do not exist in this sandbox; write plain Python\n", ""),
    ],
)
def test_cells(url, code, status, stdout, stderr):
    answer = execute(url, code, "cells")
    assert set(answer) == {"process_status", "stdout", "stderr", "new_session_created"}
    assert answer["process_status"] == status
    for name, text in (("stdout", stdout), ("stderr", stderr)):
        start, dots, end = text.partition("...")
        assert answer[name].startswith(start)
        assert answer[name].endswith(end)
        assert dots or answer[name] == text


def test_the_first_answer_of_a_session_says_that_it_is_new(url):
    assert execute(url, "x = 1", "fresh")["new_session_created"] is True
    assert execute(url, "x", "fresh") == {
        "process_status": "completed",
        "stdout": "1\n",
        "stderr": "",
        "new_session_created": False,
    }


def test_a_timeout_keeps_the_variables(url):
    execute(url, "x = 1", "timeout")
    answer = execute(url, "print('so far')\nimport time; time.sleep(60)", "timeout", timeout=1)
    assert answer == {
        "process_status": "timeout",
        "stdout": "so far\n",
        "stderr": "Execution timed out after 1 seconds\n",
        "new_session_created": False,
    }
    assert execute(url, "x", "timeout")["stdout"] == "1\n"


def test_a_kill_is_undone(url):
    execute(url, "x = 1", "killed")
    stubborn = "x = 2\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    answer = execute(url, stubborn, "killed", timeout=0.3)
    assert (answer["process_status"], answer["new_session_created"]) == ("timeout", False)
    assert "Execution timed out after 0.3 seconds\n" in answer["stderr"]
    assert "as it was before this cell" in answer["stderr"]
    again = execute(url, "x", "killed")
    assert (again["new_session_created"], again["stdout"]) == (False, "1\n")


def test_output_is_cut_and_its_end_kept(url):
    answer = execute(url, "for i in range(1000): print(i)\n1/0", "long")
    assert len(answer["stdout"]) == 1000 + len("<output cut>")
    assert answer["stdout"].startswith("0\n1\n2\n")
    assert answer["stdout"].endswith("ZeroDivisionError: division by zero\n")
    assert execute(url, "'abcdef'", "long", max_output_characters=4)["stdout"] == "'a<output cut>'\n"


@pytest.mark.parametrize("language", ["python", "python3", "pypy3"])
def test_programs_without_a_session(url, language):
    code = "import sys\nprint(input())\nprint(sys.stdin.read(), end='')\n'not echoed'"
    answer = execute(url, code, None, language=language, std_input="first\nsecond\nthird\n")
    assert answer == {
        "process_status": "completed",
        "stdout": "first\nsecond\nthird\n",
        "stderr": "",
        "new_session_created": False,
    }
    failed = execute(url, "x = 1\nx / 0  # comment", None, language=language)
    assert failed["process_status"] == "completed"
    assert failed["stderr"].endswith("ZeroDivisionError: division by zero\n")
    late = execute(url, "while True: pass", None, language=language, timeout=0.3)
    assert (late["process_status"], late["stderr"]) == ("timeout", "Execution timed out after 0.3 seconds\n")


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"{", {}, "not JSON"),
        (b"[1]", {}, "JSON object"),
        (b"[" * 100_000, {}, "not JSON"),
        (b"\xff", {}, "not JSON"),
        ({"timeout": 1}, {}, "generated_code"),
        ({"generated_code": 1}, {}, "generated_code"),
        ({"generated_code": "1"}, {}, "X-Session-ID header required"),
        ({"generated_code": "1"}, {"X-Session-ID": "x" * 257}, "256"),
        ({"generated_code": "1", "timeout": 0}, {"X-Session-ID": "s"}, "timeout"),
        ({"generated_code": "1", "timeout": "9"}, {"X-Session-ID": "s"}, "timeout"),
        ({"generated_code": "1", "timeout": True}, {"X-Session-ID": "s"}, "timeout"),
        ({"generated_code": "1", "timeout": 1e9}, {"X-Session-ID": "s"}, "timeout"),
        ({"generated_code": "1", "timeout": 10**400}, {"X-Session-ID": "s"}, "timeout"),
        (b'{"generated_code": "1", "timeout": NaN}', {"X-Session-ID": "s"}, "timeout"),
        ({"generated_code": "1", "max_output_characters": -1}, {"X-Session-ID": "s"}, "max_output"),
        ({"generated_code": "1", "language": "lean4"}, {}, "Python only"),
        ({"generated_code": "ls", "language": "shell"}, {}, "Python only"),
        ({"generated_code": "1", "language": ["ipython"]}, {}, "`language`"),
        ({"generated_code": "1", "language": "python"}, {"X-Session-ID": "s"}, "keeps no state"),
        ({"generated_code": "1", "language": "python", "std_input": 1}, {}, "std_input"),
    ],
)
def test_what_makes_no_sense_is_refused(url, body, headers, says):
    raw = {"raw": body} if isinstance(body, bytes) else {"body": body}
    status, answer = ask("POST", f"{url}/execute", headers=headers, **raw)
    assert status == 400
    assert says in answer["error"]
    # A client that does not look at the status reads an ordinary failed cell.
    assert (answer["process_status"], answer["stdout"]) == ("error", "")
    assert says in answer["stderr"]


def test_unknown_routes_and_methods_are_answered_in_json(url):
    assert ask("GET", f"{url}/nowhere")[0] == 404
    assert ask("GET", f"{url}/execute")[0] == 405


def test_a_web_page_cannot_use_the_service(url):
    for path in ("/execute", "/sessions", "/health"):
        assert ask("GET", f"{url}{path}", headers={"Origin": "http://evil.example"})[0] == 403


def test_large_requests_are_refused(box):
    with serving(box, Settings(max_body_bytes=10_000)) as url:
        status, answer = ask("POST", f"{url}/execute", {"generated_code": "#" * 20_000})
        assert (status, "too large" in answer["error"]) == (413, True)
        assert execute(url, "#" * 5000 + "\n1")["stdout"] == "1\n"


def test_a_client_has_a_limit_of_sessions(box):
    with serving(box, Settings(max_sessions=2)) as url:
        for name in "ab":
            execute(url, "1", name)
        body = {"generated_code": "1", "timeout": 1}
        status, answer = ask("POST", f"{url}/execute", body, {"X-Session-ID": "c"})
        assert status == 503
        assert "limit" in answer["stderr"]
        ask("DELETE", f"{url}/sessions/a")
        assert execute(url, "1", "c")["new_session_created"] is True


def test_idle_sessions_are_closed(box):
    with serving(box, Settings(idle_s=0.4)) as url:
        execute(url, "x = 1", "idle")
        busy = execute(url, "import time; time.sleep(1.5); 'done'", "busy")
        assert busy["stdout"] == "'done'\n"
        assert list(ask("GET", f"{url}/sessions")[1]["sessions"]) == ["busy"]
        assert execute(url, "x", "idle")["new_session_created"] is True


def test_tokens_keep_clients_apart(box, token_file):
    with serving(box, Settings(clients=Clients.read(token_file))) as url:
        assert execute(url, "secret = 1", "s", token=ALICE)["new_session_created"]
        assert execute(url, "'secret' in globals()", "s", token=BOB)["stdout"] == "False\n"
        for token, name in ((ALICE, "only alice"), (BOB, "only bob")):
            execute(url, "1", name, token=token)
        bob = {"Authorization": f"Bearer {BOB}"}
        assert set(ask("GET", f"{url}/sessions", headers=bob)[1]["sessions"]) == {"s", "only bob"}
        foreign = ask("DELETE", f"{url}/sessions/only%20alice", headers=bob)
        absent = ask("DELETE", f"{url}/sessions/never%20was", headers=bob)
        assert foreign[0] == absent[0] == 404
        assert foreign[1]["error"].replace("only alice", "never was") == absent[1]["error"]
        assert execute(url, "secret", "s", token=ALICE)["stdout"] == "1\n"
        for headers in (
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer {ALICE}x"},
            {"Authorization": ALICE},
            {"Authorization": "Basic !"},
        ):
            for method, path in (("POST", "/execute"), ("GET", "/sessions"), ("DELETE", "/sessions/s")):
                assert ask(method, f"{url}{path}", headers=headers)[0] == 401
        basic = base64.b64encode(f"alice:{ALICE}".encode()).decode()
        assert set(ask("GET", f"{url}/sessions", headers={"Authorization": f"Basic {basic}"})[1]["sessions"])
        assert ask("GET", f"{url}/health")[0] == 200


def test_token_files_are_checked(tmp_path):
    path = tmp_path / "tokens"
    for text, says in [
        ("alice short", "tokens:1"),
        (f"\nalice {ALICE} more", "tokens:2"),
        (f"alice {ALICE}\nbob {ALICE}", "also that of client `alice`"),
        ("# nobody", "names no client"),
    ]:
        path.write_text(text)
        with pytest.raises(InputError, match=says) as caught:
            Clients.read(path)
        assert ALICE not in str(caught.value)
    with pytest.raises(InputError, match="No such file"):
        Clients.read(tmp_path / "nowhere")


def test_only_loopback_without_tokens(token_file):
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        check_exposure(host, Clients())
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"):
        with pytest.raises(InputError, match="loopback only"):
            check_exposure(host, Clients())
        check_exposure(host, Clients.read(token_file))


def test_a_client_that_goes_away_gives_up_its_place(box):
    with Sandbox(memory_mib=256, threads=1) as narrow, serving(narrow) as url:
        execute(url, "1", "first")
        where = urlsplit(url)
        for number in range(5):
            connection = http.client.HTTPConnection(where.hostname or "", where.port)
            body = '{"generated_code": "import time; time.sleep(3)", "timeout": 60}'
            connection.request("POST", "/execute", body, {"X-Session-ID": f"gone {number}"})
            time.sleep(0.05)
            connection.close()
        start = time.monotonic()
        assert execute(url, "'here'", "first")["stdout"] == "'here'\n"
        assert time.monotonic() - start < 6


def test_the_queue_is_bounded(box):
    with Sandbox(memory_mib=256, threads=1) as narrow, serving(narrow, Settings(max_waiting=2)) as url:

        async def scenario() -> list[dict]:
            async with NemoClient(url) as client:
                cells = [client.execute_code("import time; time.sleep(0.2)", timeout=5) for _ in range(8)]
                return [answer for answer, _ in await asyncio.gather(*cells)]

        answers = asyncio.run(scenario())
        turned_away = [a for a in answers if "wait for a processor" in a["stderr"]]
        assert 1 <= len(turned_away) <= 7
        assert all(a["process_status"] == "completed" for a in answers if a not in turned_away)


def test_the_client_of_nemo_skills(url):
    async def scenario() -> None:
        async with NemoClient(url) as client:
            await client.wait_for_sandbox()
            _, session = await client.execute_code("x = 1")
            assert session is not None
            answer, _ = await client.execute_code("x += 1\nx", session)
            assert answer == {"process_status": "completed", "stdout": "2\n", "stderr": ""}
            answer, _ = await client.execute_code("import time; time.sleep(9)", session, timeout=0.5)
            assert answer["process_status"] == "timeout"
            answer, _ = await client.execute_code("x", session)
            assert answer["stdout"] == "2\n"
            await client.execute_code("x = 0; import os; os._exit(1)", session)
            # The kill is undone, so there is nothing that the client would have to restore from its history.
            requests = client.requests
            answer, _ = await client.execute_code("x + 40", session)
            assert (answer["stdout"], client.requests) == ("42\n", requests + 1)
            await client.delete_session(session)
            await client.delete_session(session)
            answer, _ = await client.execute_code("print(1)", language="python")
            assert answer["stdout"] == "1\n"

    asyncio.run(scenario())


def test_many_clients_at_once(url):
    async def scenario() -> list[str]:
        async with NemoClient(url) as client:

            async def sample(number: int) -> str:
                _, session = await client.execute_code(f"x = {number}")
                for _ in range(4):
                    answer, _ = await client.execute_code("x += 1\nx", session)
                assert session is not None
                await client.delete_session(session)
                return answer["stdout"]

            return await asyncio.gather(*(sample(number) for number in range(100)))

    assert asyncio.run(scenario()) == [f"{number + 4}\n" for number in range(100)]


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mathforge", "sandbox", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_the_command_serves_and_stops_in_peace(workers):
    with command("--workers", str(workers), "--stop-s", "5") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert execute(url, "x = 1", "s")["process_status"] == "completed"
        for pid in sandbox_workers(process.pid):
            os.kill(pid, signal.SIGKILL)
        # A dead worker is not the cell's fault: it has run, on a new session.
        answer = execute(url, "'x' in globals()", "s")
        assert answer["stdout"] == ("True\n" if workers == 0 else "False\n")
        assert answer["new_session_created"] is (workers > 0)

        async def scenario() -> str:
            async with NemoClient(url) as client:
                cell = asyncio.create_task(client.execute_code("import time; time.sleep(1); 'done'"))
                await asyncio.sleep(0.4)
                process.send_signal(signal.SIGTERM)
                return (await cell)[0]["stdout"]

        assert asyncio.run(scenario()) == "'done'\n"
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_the_command_says_what_is_wrong(tmp_path):
    for arguments, says in [
        (["--host", "0.0.0.0"], "loopback only"),
        (["--token-file", str(tmp_path / "nowhere")], "cannot read the token file"),
        (["--idle-s", "0"], "--idle-s must be above 0, not 0"),
        (["--max-sessions", "-3"], "--max-sessions must be above 0, not -3"),
    ]:
        with command(*arguments) as process:
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, "")
        assert err.startswith("error: ")
        assert says in err
        assert "Traceback" not in err
