"""The command of a job is the command that was given, less what says where it runs."""

from pathlib import Path

import pytest

from mathforge.cli._job_arguments import job_argv
from mathforge.cli.main import find_command, parser_of, run_command
from mathforge.errors import InputError


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--cluster slurm --output-dir o ++a=b", "--output-dir o ++a=b"),
        ("--cluster=slurm --num-jobs=-1 --num-chunks 3", "--num-chunks 3"),
        ("--run-after a --run-after=b --dry-run --json", "--json"),
        ("--overwrite --with-sandbox", "--with-sandbox"),
        ("--rerun-done=true --exclusive --no-overwrite --model m", "--model m"),
        (
            "--server-gpus 8 --server-args=--tp ++x=--cluster",
            "--server-gpus 8 --server-args=--tp ++x=--cluster",
        ),
    ],
)
def test_cluster_flags_are_taken_away(given: str, kept: str) -> None:
    assert job_argv(["eval", *given.split()]) == ["mathforge", "eval", *kept.split()]


def test_a_switch_does_not_take_the_word_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run-cmd", "--dry_run", "echo", "hi"]) == 0
    assert capsys.readouterr().out == "echo hi\n"
    assert run_command(["run-cmd", "--dry-run=false", "--no-dry-run", "--command", "exit 3"]) == 3


def test_switches_take_both_forms() -> None:
    parser = parser_of(find_command("generate"))
    for words, value in (([], False), (["--with-sandbox=true"], True), (["--with-sandbox=False"], False)):
        assert parser.parse_args(words).with_sandbox is value
    with pytest.raises(SystemExit):
        parser.parse_args(["--with-sandbox=perhaps"])


def test_what_cannot_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHFORGE_JOB_DIR", str(tmp_path))
    command = ["generate", "--cluster", "local", "--input-file", "x", "--output-dir", str(tmp_path)]
    with pytest.raises(InputError, match="JSON object"):
        run_command([*command, "--sbatch-kwargs", "[1]"])
    with pytest.raises(InputError, match="unknown key"):
        run_command([*command, "++inference.temprature=1"])
    with pytest.raises(InputError, match="unknown prompt_config"):
        run_command([*command, "++prompt_config=generic/mth"])
