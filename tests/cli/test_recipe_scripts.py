"""Scripts written for `nemo_skills.pipeline.cli` run with the import replaced, commands with `ns` replaced;
the same verb from Python, also inside an event loop."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.published_recipes import CALL, FINAL, THOUGHT, Site, fenced, recorded, rounds, write_rows

import mathforge

REPLY = {
    "choices": [{"message": {"content": r"\boxed{42}"}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 7},
}
GPT_OSS = {
    "with_tool": rounds(
        THOUGHT.format("Multiply.") + CALL.format("print(6 * 7)"),
        FINAL.format("It is \\boxed{42}."),
        stop=200012,
    ),
    "without": rounds(THOUGHT.format("Easy.") + FINAL.format("It is \\boxed{42}."), stop=200012),
}
TAGGED = {
    "with_tool": rounds(
        "<tool_call>\nprint(6 * 7)\n</tool_call>", "So it is \\boxed{42}.", stop="</tool_call>"
    ),
    "without": rounds(FINAL.format("It is \\boxed{42}."), stop=200012),
}


def problem(name: str, number: int = 0, **more: object) -> dict[str, Any]:
    return {
        "id": f"{name}-{number}",
        "problem": f"What is 6*7, {name} {number}?",
        "expected_answer": "42",
        **more,
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def at_slurm(script: str) -> str:
    """The same calls as dry runs for a Slurm cluster."""
    script = script.replace('cluster = "slurm"', 'cluster = "real"').replace(
        'CLUSTER = "slurm"', 'CLUSTER = "real"'
    )
    return re.sub(r"\n    cluster=(\w+),", r"\n    cluster=\1, dry_run=True,", script)


def check_scripts(shown: str, verb: str, count: int) -> None:
    """`count` sbatch scripts of a verb, whose commands name no cluster."""
    assert shown.count("#SBATCH --gpus-per-node=8") == count
    assert shown.count("resolved configuration of the run") == count
    assert f"mathforge {verb}" in shown or f"'{verb}'" in shown or f" {verb} " in shown
    assert "--cluster" not in shown
    assert "--expname" not in shown


def test_the_tutorial_of_gpt_oss(shared: Path, site: Site) -> None:
    """Both evaluations, with Python and without, and the generation."""
    text = next((shared / "seeds").glob("000_*.txt")).read_text()
    evaluation, generation = [one for one in fenced(text, "python") if "nemo_skills" in one]
    problems = [problem("aime24"), problem("aime25"), problem("omr")]
    for one in problems[:2]:
        write_rows(site.root / "data" / one["id"].partition("-")[0] / "test.jsonl", [one])
    write_rows(site.root / "math-problems.jsonl", [problems[2] | {"problem_type": "has_answer_extracted"}])
    site.recordings["gpt-oss"] = str(
        write_rows(site.root / "r.jsonl", list(recorded(problems, 16, **GPT_OSS)))
    )
    done = site.python(evaluation)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pass@1[avg-of-16] | 1 ") == 4
    for run, calls in (("with-python", 1), ("no-python", 0)):
        for name in ("aime24", "aime25"):
            folder = f"gpt-oss-eval/{run}/eval-results/{name}"
            rows = [site.rows(f"{folder}/output-rs{seed}.jsonl")[0] for seed in range(16)]
            assert {row["code_rounds_executed"] for row in rows} == {calls}
            assert all(row["symbolic_correct"] for row in rows)
            assert "high" in (site.root / folder / "run.json").read_text()
    done = site.python(generation)
    assert done.returncode == 0, done.stderr
    row = site.rows("gpt-oss-sdg/with-python/open-math-reasoning/output.jsonl")[0]
    assert (row["code_rounds_executed"], row["problem_type"]) == (1, "has_answer_extracted")
    for script, verb, count in ((evaluation, "eval", 2), (generation, "generate", 1)):
        dry = site.python(at_slurm(script))
        assert dry.returncode == 0, dry.stderr
        check_scripts(dry.stdout, verb, count)


def test_the_data_generation_of_nemotron_math(shared: Path, site: Site) -> None:
    text = next((shared / "seeds").glob("003_*.txt")).read_text()
    calls = re.findall(r"from nemo_skills\.pipeline\.cli import generate.*?\n\)\n", text, re.DOTALL)
    assert len(calls) == 2
    problems = [problem("aops", number) for number in range(3)]
    write_rows(site.root / "aops_problems.jsonl", problems)
    site.recordings["gpt-oss"] = str(
        write_rows(site.root / "r.jsonl", list(recorded(problems, 8, **GPT_OSS)))
    )
    for call, name, executed in zip(calls, ("with-python", "no-python"), (1, 0), strict=True):
        done = site.python(call)
        assert done.returncode == 0, done.stderr
        for seed in range(8):
            rows = site.rows(f"{name}/output-rs{seed}.jsonl")
            assert [row["problem"] for row in rows] == [one["problem"] for one in problems]
            assert {row["code_rounds_executed"] for row in rows} == {executed}
        dry = site.python(at_slurm(call))
        assert dry.returncode == 0, dry.stderr
        check_scripts(dry.stdout, "generate", 1)
    preparation = text[text.index("import os\nfrom nemo_skills") :]
    dry = site.python(at_slurm(preparation))
    assert dry.returncode == 0, dry.stderr
    assert "nemo_skills.training.prepare_data" in dry.stdout
    assert "++chat_template_kwargs.reasoning_effort=low" in dry.stdout
    assert "mathforge has no such module" in dry.stderr


def test_the_commands_of_openmath_nemotron(shared: Path, site: Site) -> None:
    """Conversion, preparation, CoT, judging, summaries and both TIR variants, with all 64 samples."""
    text = next((shared / "seeds").glob("004_*.txt")).read_text()
    blocks = [one.replace("\ndone\n", "\n") for one in fenced(text, "bash")]
    convert, prepare, cot, table, judge, hosted, judged, tir, kaggle = blocks[1:]
    problems = [problem("comp", n, subset_for_metrics=f"aime2{4 + n}") for n in range(2)] + [problem("hle")]
    source = write_rows(site.root / "comp.jsonl", problems[:2])
    asked = {"id": "hle-0", "question": problems[2]["problem"], "answer": "forty-two", "category": "Math"}
    for name, path in (("comp-math-24-25", source), ("hle", write_rows(site.root / "hle.jsonl", [asked]))):
        done = site.run("mathforge", "prepare", name, "--from", str(path))
        assert done.returncode == 0, done.stderr
    site.recordings = {
        "qwen2.5-32b": str(
            write_rows(
                site.root / "judge.jsonl",
                list(recorded(problems, 64, [], rounds(FINAL.format("Judgement: Yes"), stop=200012))),
            )
        ),
        "openmath": str(write_rows(site.root / "r.jsonl", list(recorded(problems, 64, **TAGGED)))),
    }
    (site.root / "OpenMath-Nemotron-1.5B").mkdir()
    (site.root / "openmath-nemotron-14b-kaggle-trtllm").mkdir()
    for commands in (convert, prepare, cot, table, judge, judged, tir, kaggle):
        done = site.shell(commands)
        assert done.returncode == 0, (commands, done.stderr)
        if commands is table:
            assert re.search(r"comp-math-24-25-aime25 -*\n", done.stdout)
            assert re.search(r"pass@1\[avg-of-64\] \| 2 .* 100.00%", done.stdout)
        elif commands is judged:
            assert re.search(r"majority@64 .*\| 100.00% +\| 0.00%", done.stdout)
    answer = site.rows("openmath-nemotron-1.5b-eval-tir/eval-results/comp-math-24-25/output-rs63.jsonl")[1]
    assert "```output\n42\n```\n" in answer["generation"]
    assert "Remaining code executions: 7." in answer["generation"]
    answer = site.rows("openmath-nemotron-14b-kaggle-eval-tir/eval-results/comp-math-24-25/output-rs0.jsonl")[
        0
    ]
    assert answer["code_rounds_executed"] == 1
    assert "Remaining" not in answer["generation"]
    for commands in (cot, judge, hosted, tir, kaggle):
        dry = site.shell(commands.replace("--cluster=local", "--cluster=real --dry_run"))
        assert dry.returncode == 0, dry.stderr
        assert "#SBATCH" in dry.stdout
        assert "--cluster" not in dry.stdout


def test_scripts_and_commands_of_our_own(site: Site) -> None:
    """The same surface without the published texts: lists, mappings, chunks, shares, shell commands."""
    problems = [problem("own", number) for number in range(4)]
    write_rows(site.root / "data" / "own.jsonl", problems)
    write_rows(site.root / "in.jsonl", problems)
    site.recordings["m"] = str(write_rows(site.root / "r.jsonl", list(recorded(problems, 4, **GPT_OSS))))
    script = """
from nemo_skills.pipeline.cli import eval, generate, run_cmd, summarize_results, wrap_arguments
options = dict(cluster="local", model="m", server_type="vllm", server_gpus=0)
eval(ctx=wrap_arguments("++prompt_config=gpt-oss/math ++inference.temperature=1.0"), expname="a",
     benchmarks="own:2", output_dir="/workspace/eval", num_jobs=2, **options)
generate(ctx=wrap_arguments("++prompt_config=gpt-oss/math"), input_file="/workspace/in.jsonl",
         run_after=["a"],
         output_dir="/workspace/sdg", random_seeds=[1, 3], num_chunks=2, num_jobs=3, with_sandbox=False,
         sbatch_kwargs={"hint": "x"}, expname="b", **options)
run_cmd(ctx=wrap_arguments("cat sdg/output-rs1.jsonl | wc -l > lines"), cluster="local", expname="c",
        run_after="b")
summarize_results("/workspace/eval".replace("/workspace/", ""))
"""
    done = site.python(script)
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in site.rows("sdg/output-rs3.jsonl")] == [one["id"] for one in problems]
    assert sorted(p.name for p in (site.root / "sdg").glob("output*.jsonl")) == [
        "output-rs1.jsonl",
        "output-rs3.jsonl",
    ]
    assert (site.root / "lines").read_text().strip() == "4"
    assert done.stdout.count("pass@1[avg-of-2]") == 2
    dry = site.python(
        script.replace('cluster="local"', 'cluster="real", dry_run=True').replace("run_after", "qos")
    )
    assert "--array=0-1" in dry.stdout
    assert "--share 0/3" in dry.stdout.replace("'", "")
    assert "--array=0-2" in dry.stdout


def test_evaluate_inside_a_running_event_loop(tmp_path: Path, scripted_server: Any) -> None:
    (tmp_path / "aime25.jsonl").write_text(
        json.dumps({"problem": "What is 6*7?", "expected_answer": "42"}) + "\n"
    )

    async def main() -> Any:
        async with scripted_server(REPLY) as server:
            url = server.url
            call = asyncio.to_thread(
                lambda: asyncio.run(notebook(url))  # a loop that is busy while `evaluate` blocks it
            )
            return await call

    async def notebook(url: str) -> Any:
        return mathforge.evaluate(
            "aime25",
            output_dir=tmp_path / "out",
            data_dir=tmp_path,
            server_address=url,
            overrides=["++inference.stream=false"],
        )

    result = asyncio.run(main())
    assert result.failures == []
    assert result.to_json()["aime25"]["pass@1"]["symbolic_correct"] == 100
    rows = [json.loads(line) for line in (tmp_path / "out/eval-results/aime25/output.jsonl").open()]
    assert rows[0]["predicted_answer"] == "42"
    assert (rows[0]["symbolic_correct"], rows[0]["num_generated_tokens"], rows[0]["id"]) == (
        True,
        7,
        "aime25-0",
    )


def test_unknown_options_are_refused() -> None:
    from mathforge.pipeline.cli import eval as run_eval

    with pytest.raises(mathforge.InputError, match="unknown option of eval: `benchmark`") as caught:
        run_eval(benchmark="aime25", output_dir="x")
    assert "benchmarks" in (caught.value.hint or "")
