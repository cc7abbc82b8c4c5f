import json
import subprocess
import sys
from pathlib import Path


def mathforge(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mathforge", "sandbox", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300, check=False)


def test_prepare_names_the_image_and_says_nothing_when_it_is_there():
    mathforge("prepare")
    done = mathforge("prepare")
    assert (done.returncode, done.stderr) == (0, "")
    assert (Path(done.stdout.strip()) / "checksums.json").is_file()


def test_a_file_is_run_and_its_last_expression_echoed(tmp_path):
    file = tmp_path / "cell.py"
    file.write_text("import sympy\nx = sympy.symbols('x')\nsympy.factor(x**4 - 1)")
    done = mathforge("run", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "(x - 1)*(x + 1)*(x**2 + 1)\n", "")


def test_a_failing_cell_fails_the_command():
    done = mathforge("run", "-", stdin="print('before')\n1/0")
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_the_outcome_as_json():
    done = mathforge("run", "-", "--json", "--timeout-s", "0.5", stdin="while True: pass")
    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert outcome["status"] == "timeout"
    assert outcome["wall_s"] >= 0.5


def test_what_cannot_be_had_is_said_without_a_traceback(tmp_path):
    nowhere = "http://127.0.0.1:9/"
    done = mathforge("prepare", "--packages", "numpy", "--index", nowhere, "--renew")
    assert done.returncode == 1
    assert f"error: cannot fetch `{nowhere}numpy-" in done.stderr
    assert "--wheels DIR" in done.stderr
    assert "Traceback" not in done.stderr
    done = mathforge("prepare", "--from", str(tmp_path), "--cache-dir", str(tmp_path / "cache"))
    assert done.returncode == 1
    assert "there is no file `pyodide-" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "cache/sandbox").glob("[!.]*[!k]")), (
        "nothing that looks like an image is left"
    )
    (tmp_path / "file").write_text("")
    done = mathforge("prepare", "--cache-dir", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "--cache-dir" in done.stderr
    assert "Traceback" not in done.stderr
