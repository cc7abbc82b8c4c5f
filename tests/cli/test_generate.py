"""`mathforge generate`: rows in, answered rows out; seeds, chunks, shares, resuming, commands around it."""

import json
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support import small_run
from support.commands import MATHFORGE, beside, command, serving
from support.replaying import replaying

import mathforge
from mathforge import harmony

ROWS = [
    {"problem": f"What is {n} + {n}?", "source": "test", "id": n, "expected_answer": str(2 * n)}
    for n in range(5)
]
THOUGHT = "<|channel|>analysis<|message|>Seed {}.<|end|><|start|>assistant"
ARGS = ["++prompt_config=gpt-oss/math"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n")
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Seeds 0 to 3 of every row; seed 3 is wrong."""
    lines = []
    for row in ROWS:
        for seed in range(4):
            answer = 2 * row["id"] + (seed == 3)
            text = THOUGHT.format(seed) + f"<|channel|>final<|message|>\\boxed{{{answer}}}<|return|>"
            line = {
                "id": str(row["id"]),
                "problem": row["problem"],
                "seed": seed,
                "tool": False,
                "model": "m",
            }
            lines.append(
                json.dumps(line | {"rounds": [{"text": text, "finish_reason": "stop", "stop_reason": None}]})
            )
    path = tmp_path / "recording.jsonl"
    path.write_text("\n".join(lines))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("output"))


def test_seeds_carry_every_field_through(rows: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = mathforge.generate(
        rows, output_dir=out, num_random_seeds=2, replay=str(recording), overrides=ARGS
    )
    assert result.files == [out / "output-rs0.jsonl", out / "output-rs1.jsonl"]
    assert result.failures == []
    made = read(out / "output-rs1.jsonl")
    assert [{key: row[key] for key in ROWS[0]} for row in made] == ROWS
    assert made[3]["generation"] == "\\boxed{6}"
    assert made[3]["reasoning_content"] == "Seed 1."
    assert "predicted_answer" not in made[3]
    assert names(out) == [
        "output-rs0.jsonl",
        "output-rs0.jsonl.done",
        "output-rs1.jsonl",
        "output-rs1.jsonl.done",
    ]


def test_chunks_give_the_same_files(rows: Path, recording: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    with replaying(recording) as address:
        common: dict[str, Any] = {
            "random_seeds": "1,3",
            "server_address": address,
            "overrides": [*ARGS, "++eval_type=math"],
        }
        mathforge.generate(rows, output_dir=whole, **common)
        first = mathforge.generate(rows, output_dir=parts, num_chunks=3, chunk_ids="0..1", **common)
        assert first.files == []
        assert names(parts)[:2] == ["output-rs1_chunk_0.jsonl", "output-rs1_chunk_0.jsonl.done"]
        assert len(read(parts / "output-rs1_chunk_0.jsonl")) == 2
        second = mathforge.generate(rows, output_dir=parts, num_chunks=3, **common)
    assert [path.name for path in second.files] == ["output-rs1.jsonl", "output-rs3.jsonl"]
    for name, right in (("output-rs1.jsonl", True), ("output-rs3.jsonl", False)):
        left = [{k: v for k, v in row.items() if "time" not in k} for row in read(whole / name)]
        assert left == [{k: v for k, v in row.items() if "time" not in k} for row in read(parts / name)]
        assert {row["symbolic_correct"] for row in left} == {right}
    assert not list(parts.glob("*chunk*.jsonl"))
    assert len(list(parts.glob("*chunk*.done"))) == 6


def test_shares_cover_everything_once(rows: Path, recording: Path, tmp_path: Path) -> None:
    from mathforge.synthesizing import Request, prepare, run
    from mathforge.units import share_of
    from mathforge.work import Model

    with replaying(recording) as address:

        def request(share: tuple[int, int]) -> Request:
            return Request(
                output_dir=tmp_path / "out",
                input_file=rows,
                server=Model(address=address),
                num_random_seeds=4,
                num_chunks=2,
                share=share,
                overrides=ARGS,
            )

        for count in (1, 3, 8, 11):
            parts = prepare(request((0, count)))
            shares = [share_of(parts, number, count) for number in range(count)]
            files = [(part.chunk, seed) for share in shares for part in share for seed in part.seeds]
            assert len(files) == len(set(files)) == 8
            sizes = [sum(len(part.seeds) for part in share) for share in shares]
            assert max(sizes) - min(sizes) <= 1
        assert [len(run(request((number, 3))).files) for number in range(3)] == [1, 2, 1]
    assert len(list((tmp_path / "out").glob("output-rs?.jsonl"))) == 4


def test_what_is_finished_stays(rows: Path, recording: Path, tmp_path: Path) -> None:
    """No server is needed for it; another prompt, input or number of chunks is refused."""
    out = tmp_path / "out"
    options: dict[str, Any] = {"output_dir": out, "num_random_seeds": 1}
    mathforge.generate(rows, replay=str(recording), overrides=ARGS, **options)
    before = (out / "output-rs0.jsonl").read_bytes()
    dead: dict[str, Any] = options | {
        "server_address": "http://127.0.0.1:9",
        "server_type": "replay",
        "model": "m",
    }
    mathforge.generate(rows, overrides=ARGS, **dead)
    assert (out / "output-rs0.jsonl").read_bytes() == before
    with pytest.raises(mathforge.StoreError, match="another configuration"):
        mathforge.generate(rows, overrides=["++prompt_config=generic/math"], **dead)
    with pytest.raises(mathforge.StoreError, match="num_chunks"):
        mathforge.generate(rows, overrides=ARGS, num_chunks=2, **dead)
    rows.write_text(rows.read_text().replace("What is 4", "What was 4"))
    with pytest.raises(mathforge.StoreError, match="problems"):
        mathforge.generate(rows, overrides=ARGS, **dead)


def test_commands_before_and_after_run_once_for_each_file(recording: Path, tmp_path: Path) -> None:
    out, rows = tmp_path / "out", tmp_path / "made.jsonl"
    text = json.dumps(ROWS[2])
    options: dict[str, Any] = {
        "output_dir": out,
        "num_random_seeds": 2,
        "replay": str(recording),
        "overrides": ARGS,
        "preprocess_cmd": f"echo '{text}' > {rows}",
        "postprocess_cmd": f"wc -l < {out}/output-rs{{random_seed}}.jsonl >> {tmp_path}/log",
    }
    mathforge.generate(rows, **options)
    rows.unlink()
    with pytest.raises(mathforge.InputError, match="no input file"):  # nothing is missing, so nothing is made
        mathforge.generate(rows, **options)
    rows.write_text(text)
    mathforge.generate(rows, **options)
    assert (tmp_path / "log").read_text().split() == ["1", "1"]
    with pytest.raises(mathforge.MathforgeError, match="status 3"):
        mathforge.generate(
            rows, **options | {"output_dir": tmp_path / "other", "preprocess_cmd": "exit 3 | cat"}
        )


def test_judging_a_folder_calls_the_model_only_where_it_must(scripted_server: Any, tmp_path: Path) -> None:

    source, out = tmp_path / "hle", tmp_path / "judged"
    source.mkdir()
    base = {"problem": "1/2?", "expected_answer": "0.5", "num_generated_tokens": 77, "symbolic_correct": True}
    for seed in range(2):
        given = [
            base | {"generation": "\\boxed{1/2}", "predicted_answer": "1/2"},
            base | {"problem": "2/4?", "generation": "\\boxed{0.5 }"},
            base | {"problem": "3/6?", "generation": "none"},
        ]
        (source / f"output-rs{seed}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    reply = {
        "choices": [
            {"message": {"content": "Reasoning: same value.\nJudgement: Yes"}, "finish_reason": "stop"}
        ],
        "usage": {"completion_tokens": 9},
    }

    words = ("--generation_type=math_judge", f"--output_dir={out}", f"++input_dir={source}")
    done, requests = beside(
        scripted_server(reply), lambda url: command("generate", f"--server_address={url}", *words)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(out / f"output-rs{seed}.jsonl") for seed in range(2)]
    assert len(requests) == 2
    assert {request[1]["temperature"] for request in requests} == {0}
    judged = read(out / "output-rs1.jsonl")
    assert [row["judgement"][-3:].strip() for row in judged] == ["Yes", "Yes", "No"]
    assert judged[0]["num_generated_tokens"] == 77
    assert judged[0]["generation"] == "\\boxed{1/2}"
    assert "id" not in judged[0]
    report = mathforge.aggregate(out).to_json()
    assert report["judged"]["pass@2"]["judge_correct"] == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "exactly one of --input-file and --input-dir"),
        (["--input-file", "ROWS", "--num-random-seeds", "2", "--random-seeds", "1"], "both say which seeds"),
        (["--input-file", "ROWS", "--random-seeds", "x"], "0,3 or 0..5; got `x`"),
        (["--input-file", "ROWS", "--num-chunks", "2", "--chunk-ids", "2"], "no chunk 2 of 2"),
        (["--input-file", "ROWS", "--generation-type", "poem"], "unknown generation type `poem`"),
        (["--input-file", "BAD"], "bad.jsonl:2: not valid JSON"),
        (["--input-file", "ROWS", "--num-random-seeds", "2", "++inference.random_seed=1"], "the same"),
        (["--input-file", "ROWS", "++prompt_config=judge/math"], "lacks: 'predicted_answer'"),
    ],
)
def test_mistakes_are_told(flags: list[str], says: str, rows: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"problem": "x"}\n{"problem": \n')
    given = [flag.replace("ROWS", str(rows)).replace("BAD", str(bad)) for flag in flags]
    done = command("generate", "--output-dir", str(tmp_path / "out"), *given)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_rows_of_any_shape_over_the_text_endpoint(recording: Path, tmp_path: Path) -> None:
    """Ids are encoded as ids, and the generation is Harmony text."""
    rows, out = tmp_path / "r.jsonl", tmp_path / "out"
    rows.write_text(json.dumps({"problem": ROWS[1]["problem"]}) + "\n")
    mathforge.generate(
        rows,
        output_dir=out,
        replay=str(recording),
        inline_args="++inference.endpoint_type=text ++generation_key=answer",
        overrides=ARGS,
    )
    row = read(out / "output.jsonl")[0]
    assert harmony.parse(row["answer"])[-1].content == "\\boxed{2}"
    assert "generation" not in row


def test_thoughts_are_set_apart(rows: Path, scripted_server: Any, tmp_path: Path) -> None:
    def reply(text: str) -> dict[str, Any]:
        return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}

    thought = reply("One </think> two \\boxed{5}</think>\\boxed{2}")
    beside(
        scripted_server(thought, thought, reply("on and on \\boxed{2}")),
        lambda url: mathforge.generate(
            rows,
            output_dir=tmp_path / "out",
            server_address=url,
            inline_args="++remove_thinking=true ++eval_type=math ++max_samples=3",
            overrides=["++prompt_config=generic/math", "++max_concurrent_requests=1"],
        ),
    )
    made = read(tmp_path / "out" / "output.jsonl")
    assert [row["generation"] for row in made] == ["\\boxed{2}", "\\boxed{2}", ""]
    assert [row["predicted_answer"] for row in made] == ["2", "2", None]
    assert [row["symbolic_correct"] for row in made] == [False, True, False]
    assert [row["_generation_finished_thinking"] for row in made] == [True, True, False]
    assert made[0]["_full_generation"].startswith("One </think>")


def test_no_server_is_started_for_a_finished_run(rows: Path, recording: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"output_dir": tmp_path / "out", "num_random_seeds": 2, "overrides": ARGS}
    mathforge.generate(rows, replay=str(recording), **options)
    recording.unlink()
    assert len(mathforge.generate(rows, replay=str(recording), **options).files) == 2
    with pytest.raises(mathforge.ServerError, match="did not start"):
        mathforge.generate(rows, replay=str(recording), **options | {"output_dir": tmp_path / "new"})


def test_judging_again_what_was_judged(scripted_server: Any, tmp_path: Path) -> None:
    """An old judgement in the input is replaced, and a value that is not a number stops nothing."""
    row = {"problem": "1/2?", "expected_answer": "0.5", "predicted_answer": "1/2", "score": float("nan")}
    write = {"judgement": "Judgement: No", "verdict": "old"}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "output.jsonl").write_text(json.dumps(row | write) + "\n")
    reply = {"choices": [{"message": {"content": "Judgement: Yes"}, "finish_reason": "stop"}]}

    def judge_twice(url: str) -> None:
        for key in ("judgement", "verdict") * 2:
            mathforge.generate(
                input_dir=tmp_path / "in",
                output_dir=tmp_path / key,
                generation_type="math_judge",
                server_address=url,
                overrides=[f"++generation_key={key}"],
            )

    assert len(beside(scripted_server(reply), judge_twice)[1]) == 2
    assert read(tmp_path / "judgement" / "output.jsonl")[0]["judgement"] == "Judgement: Yes"
    made = read(tmp_path / "verdict" / "output.jsonl")[0]
    assert (made["judgement"], made["verdict"]) == ("Judgement: No", "Judgement: Yes")


def test_killed_at_any_moment_every_row_is_made_once(tmp_path: Path) -> None:
    """Two processes share the chunks, one is killed again and again; the merged files are whole and right."""
    small_run.write(tmp_path)
    rows, out = tmp_path / f"{small_run.BENCHMARK}.jsonl", tmp_path / "out"
    with serving(tmp_path / "recording.jsonl", "--tokens-per-second", "150") as server:

        def start(share: str) -> subprocess.Popen[bytes]:
            words = [*MATHFORGE, "generate", "--input-file", str(rows)]
            words += ["--output-dir", str(out), "--num-random-seeds", "3", "--num-chunks", "2"]
            words += ["--share", share, "--server-address", server.address, "--model", "m", *ARGS]
            words += ["++code_execution=true", "++eval_type=math", "++inference.temperature=1.0"]
            return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        other = start("0/2")
        moments = random.Random(7)
        for _ in range(4):
            one = start("1/2")
            time.sleep(moments.uniform(0.5, 5.0))
            one.kill()
            one.communicate()
        last = start("1/2")
        for process in (last, other):
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said.decode()
    for seed in range(small_run.SEEDS):
        made = read(out / f"output-rs{seed}.jsonl")
        assert [row["id"] for row in made] == [f"sum-{number}" for number in range(small_run.PROBLEMS)]
        right = [(number + seed) % 4 < 2 for number in range(small_run.PROBLEMS)]
        assert [row["symbolic_correct"] for row in made] == right
        assert {row["code_rounds_executed"] for row in made} == {2}
    assert not [path for path in out.iterdir() if path.name.endswith((".jsonl-async", "-tmp"))]
