"""`mathforge grade` as a user runs it."""

import fcntl
import gzip
import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mathforge._native import zstd_compress, zstd_decompress

GRADE = [sys.executable, "-m", "mathforge", "grade"]
ROWS = [
    {"generation": r"so \boxed{\frac{14}{18}}", "expected_answer": "7/9", "problem": "p0"},
    {"generation": "x", "expected_answer": 5, "predicted_answer": "5.0", "symbolic_correct": False},
    {"predicted_answer": None, "generation": r"\boxed{8}", "expected_answer": "8", "symbolic_correct": True},
    {"generation": "", "error": "context_window_exceeded", "expected_answer": "3"},
    {
        "generation": r"\boxed{12}",
        "expected_answer": "13",
        "predicted_answer": "12",
        "symbolic_correct": False,
    },
]
DAMAGED = b'{"generation": "cut of\n'


def grade(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GRADE, *map(str, arguments)], capture_output=True, text=True, check=False)


def lines_of(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "eval-results" / "aime25"
    folder.mkdir(parents=True)
    path = folder / "output-rs0.jsonl"
    path.write_bytes(lines_of(ROWS))
    path.with_name("output-rs0.jsonl.done").touch()
    return path


def test_files_are_graded_in_place_and_differences_shown(output: Path) -> None:
    done_at = output.with_name("output-rs0.jsonl.done").stat().st_mtime_ns
    ran = grade(output)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert "1 file, 5 rows, 5 graded" in ran.stdout
    assert "2 got a predicted_answer" in ran.stdout
    assert "beside the labels that were there: 1 of 3 rows agree" in ran.stdout
    assert f"5  |  5.0  ({output}:2)" in ran.stdout
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert [row["symbolic_correct"] for row in rows] == [True, True, False, False, False]
    assert [row["predicted_answer"] for row in rows] == [r"\frac{14}{18}", "5.0", None, None, "12"]
    assert rows[0]["grade_reason"] == "same_value"
    assert rows[3]["grade_reason"] == "no_answer"
    added = {"predicted_answer", "symbolic_correct", "grade_reason"}
    for row, before in zip(rows, ROWS, strict=True):
        assert [name for name in row if name in before] == list(before)
        assert all(row[name] == before[name] for name in before if name not in added)
    assert sorted(path.name for path in output.parent.iterdir()) == [output.name, f"{output.name}.done"]
    assert output.with_name("output-rs0.jsonl.done").stat().st_mtime_ns == done_at
    again = output.read_bytes()
    assert grade(output).returncode == 0
    assert output.read_bytes() == again


def test_damaged_lines_and_rows_without_an_answer_stay_and_are_named(output: Path) -> None:
    odd = lines_of([{"generation": r"\boxed{1}"}, {"expected_answer": "1"}, {"expected_answer": [1]}])
    output.write_bytes(DAMAGED + lines_of(ROWS[:1]) + b"\n" + odd + b'{"a": "\xff"}\n' + DAMAGED.rstrip())
    before = output.read_bytes().split(b"\n")
    ran = grade(output.parent.parent)
    assert ran.returncode == 1
    for number, reason in (
        (1, "control character"),
        (4, "no `expected_answer`"),
        (5, "neither `predicted_answer` nor a text in `generation`"),
        (6, "`expected_answer` is list"),
        (7, "can't decode"),
        (8, "Unterminated string"),
    ):
        assert any(f"{output}:{number}:" in line and reason in line for line in ran.stderr.splitlines()), (
            number
        )
    assert "7 rows, 1 graded" in ran.stdout
    after = output.read_bytes().split(b"\n")
    assert [line for line in after if line not in before] == [after[1]]
    assert json.loads(after[1])["symbolic_correct"] is True
    assert "Traceback" not in ran.stderr


def test_dry_runs_and_copies_leave_the_files_alone(output: Path, tmp_path: Path) -> None:
    other = output.parent.parent / "aime24" / output.name
    other.parent.mkdir()
    other.write_bytes(lines_of(ROWS[:2]))
    before = output.read_bytes()
    dry = grade(tmp_path, "--dry-run", "--json")
    assert json.loads(dry.stdout)["rows"] == 7
    assert output.read_bytes() == before
    copied = grade(output.parent.parent / "*" / "*.jsonl", "--output", tmp_path / "graded")
    assert copied.returncode == 0, copied.stderr
    assert output.read_bytes() == before
    for name, rows in (("aime24", 2), ("aime25", 5)):
        lines = (tmp_path / "graded" / name / output.name).read_bytes().splitlines()
        assert [set(json.loads(line)) >= {"grade_reason"} for line in lines] == [True] * rows


def test_compressed_files_stay_compressed(output: Path) -> None:
    plain = lines_of(ROWS)
    packed, squeezed = output.with_name("output-rs1.jsonl.gz"), output.with_name("output-rs2.jsonl.zst")
    packed.write_bytes(gzip.compress(plain[:500]) + gzip.compress(plain[500:]))
    squeezed.write_bytes(zstd_compress(plain[:100]) + zstd_compress(plain[100:]))
    ran = grade(output.parent)
    assert ran.returncode == 0, ran.stderr
    assert "3 files, 15 rows, 15 graded" in ran.stdout
    assert gzip.decompress(packed.read_bytes()) == output.read_bytes()
    assert zstd_decompress(squeezed.read_bytes()) == output.read_bytes()
    packed.write_bytes(packed.read_bytes()[:-20])
    squeezed.write_bytes(b"no archive")
    for path in (packed, squeezed):
        before = path.read_bytes()
        broken = grade(path)
        assert broken.returncode == 1
        assert f"{path}: cannot be decompressed" in broken.stderr
        assert "Traceback" not in broken.stderr
        assert path.read_bytes() == before
    assert not list(output.parent.glob("*-tmp"))


def test_extraction_and_conventions_are_chosen(output: Path) -> None:
    output.write_bytes(
        lines_of(
            [
                {"generation": "The answer is 7.", "expected_answer": "7"},
                {"generation": r"\boxed{3}", "predicted_answer": "4", "expected_answer": "3"},
                {"generation": "", "predicted_answer": "35", "expected_answer": r"35\%"},
            ]
        )
    )

    def verdicts(*flags: str) -> list[bool]:
        ran = grade(output, "--output", output.parent / "out", *flags)
        assert ran.returncode == 0, ran.stderr
        lines = (output.parent / "out" / output.name).read_bytes().splitlines()
        return [json.loads(line)["symbolic_correct"] for line in lines]

    assert verdicts() == [False, False, True]
    assert verdicts("--extract", "all", "--reextract") == [True, True, False]
    assert verdicts("--preset", "strict") == [False, False, False]
    assert verdicts("--option", "percent_bare=false") == [False, False, False]


def test_sympy_and_another_grader_are_asked_on_request(output: Path) -> None:
    pairs = [(r"(\sqrt[65]{2})^{65}", "2"), ("7", r"3+4\mathrm{i}"), ("1/2", "0.5")]
    rows = [{"expected_answer": gold, "predicted_answer": answer} for gold, answer in pairs]
    output.write_bytes(lines_of(rows))
    ran = grade(output, "--sympy", "--against", "math-verify", "--json", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert {"verdict": "equal", "reason": "sympy_equal", "rows": 1} in report["verdicts"]
    assert report["other"]["grader"].startswith("Math-Verify ")
    (differing,) = report["other"]["differing"]
    assert (differing["theirs"], differing["verdict"]) == ("correct", "different")
    assert differing["examples"][0]["answer"] == r"3+4\mathrm{i}"


def test_explain() -> None:
    ran = grade("--explain", "35%", "0.35")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("equal (same_value)\n")
    assert "normalize" in ran.stdout
    as_json = json.loads(grade("--explain", "--json", "--", "-x", "5").stdout)
    assert as_json["gold"] == "-x"
    assert as_json["steps"][-1]["stage"] == "verdict"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere.jsonl"], 1, "there are no output files at nowhere.jsonl"),
        (["--explain", "1"], 2, "takes an expected and a given answer"),
        ([__file__], 1, "is no .jsonl"),
        ([__file__, "--preset", "lax"], 2, "unknown preset `lax`"),
        ([__file__, "--option", "rounded_from=x"], 2, "`rounded_from` is a number or never, not `x`"),
        ([__file__, "--option", "x=1"], 2, "there is no option `x`"),
        ([__file__, "--against", "other"], 2, "unknown grader `other`"),
    ],
)
def test_mistakes_are_told(arguments: list[str], status: int, message: str) -> None:
    ran = grade(*arguments)
    assert ran.returncode == status
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_files_that_are_being_written_are_refused(output: Path) -> None:
    running = output.with_name(f"{output.name}-async")
    running.write_bytes(output.read_bytes())
    ran = grade(running)
    assert ran.returncode == 1
    assert "finish the run first" in ran.stderr
    with output.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = output.read_bytes()
        ran = grade(output)
        assert ran.returncode == 1
        assert "another process is rewriting" in ran.stderr
        assert output.read_bytes() == before


def test_links_and_permissions_stay(output: Path, tmp_path: Path) -> None:
    output.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(output)
    assert grade(link).returncode == 0
    assert link.is_symlink()
    assert output.stat().st_mode & 0o777 == 0o640
    assert b"grade_reason" in output.read_bytes()


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(output: Path) -> None:
    filler = "We add up. " * 60
    rows = [
        {"generation": f"{filler}\\boxed{{{n % 7}}}", "expected_answer": str(n % 5), "id": n}
        for n in range(12_000)
    ]
    old = lines_of(rows) + DAMAGED
    output.write_bytes(old)
    start = time.monotonic()
    assert grade(output, "--output", output.parent / "graded").returncode == 1
    longest = time.monotonic() - start
    new = (output.parent / "graded" / output.name).read_bytes()
    allowed = {hashlib.sha256(content).digest() for content in (old, new)}
    chance = random.Random(5)
    for _ in range(5):
        output.write_bytes(old)
        with subprocess.Popen([*GRADE, str(output)], stdout=-3, stderr=-3) as process:
            time.sleep(chance.uniform(0.1, 1.1) * longest)
            process.send_signal(signal.SIGKILL)
        assert hashlib.sha256(output.read_bytes()).digest() in allowed
    assert grade(output).returncode == 1
    assert output.read_bytes() == new
    assert not output.with_name(f"{output.name}-tmp").exists()
