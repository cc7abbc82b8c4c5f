"""Recordings: every layout that is read, and what is said about rows that cannot be."""

import gzip
import json

import pytest

from mathforge import harmony
from mathforge.errors import InputError
from mathforge.replay.recording import files_of, load

GOOD = {"id": "1", "problem": "p", "seed": 0, "tool": True, "rounds": [{"text": "hi<|return|>"}]}

THOUGHT, FINAL = "<|channel|>analysis<|message|>", "<|channel|>final<|message|>"


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def only(library):
    (problem,) = library.problems.values()
    (sample,) = problem.samples.values()
    return sample


def test_text_and_ids_are_the_same_round(tmp_path):
    by_text = only(load([write(tmp_path / "a.jsonl", GOOD)]))
    ids = [*harmony.encode("hi"), harmony.RETURN]
    by_ids = only(load([write(tmp_path / "b.jsonl", GOOD | {"rounds": [{"token_ids": ids}]})]))
    assert by_text.rounds[0].token_ids() == by_ids.rounds[0].token_ids()
    assert by_text.rounds[0].token_ids().tolist() == ids


@pytest.mark.parametrize(
    ("round_", "last"),
    [
        ({"text": "x", "finish_reason": "stop", "stop_reason": 200012}, harmony.CALL),
        ({"text": "x<|call|>", "finish_reason": "stop", "stop_reason": 200012}, harmony.CALL),
        ({"text": "x"}, harmony.RETURN),
        ({"text": "", "finish_reason": "stop"}, harmony.RETURN),
        ({"text": "x", "finish_reason": "length"}, harmony.encode("x")[-1]),
        ({"text": "x", "stop_reason": "</done>"}, harmony.encode("x")[-1]),
    ],
)
def test_a_stopped_round_ends_with_the_id_that_stopped_it(tmp_path, round_, last):
    ids = only(load([write(tmp_path / "a.jsonl", GOOD | {"rounds": [round_]})])).rounds[0].token_ids()
    assert ids[-1] == last
    assert ids.count(last) == 1


def test_gzip_and_blank_lines(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(("\n" + json.dumps(GOOD) + "\n\n").encode()))
    assert load([path]).count == 1


def test_outputs_of_an_evaluation_are_recordings(tmp_path):
    rounds = [{"token_ids": [1, 200012], "finish_reason": "stop", "stop_reason": 200012, "output": "4\n"}]
    output = {"problem": "p", "rounds": rounds, "generation": "...", "code_rounds_executed": 0}
    results = tmp_path / "eval-results"
    write(results / "called" / "output-rs7.jsonl", output | {"code_rounds_executed": 1})
    write(results / "could-have-called" / "output-rs5.jsonl", output)
    write(results / "could-have-called" / "run.json", {"fingerprint": {"config": {"code_execution": True}}})
    write(results / "plain" / "output-rs2.jsonl", output)
    (results / "called" / "output-rs7.jsonl.done").touch()
    write(results / "called" / "output-rs8.jsonl-async", "{")
    samples = next(iter(load([tmp_path]).problems.values())).samples
    assert set(samples) == {(7, True), (5, True), (2, False)}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"reasoning_content": "hm", "generation": "5"},
            THOUGHT + "hm<|end|><|start|>assistant" + FINAL + "5<|return|>",
        ),
        ({"generation": "5"}, FINAL + "5<|return|>"),
        ({"reasoning_content": "hm", "generation": "", "finish_reason": "length"}, THOUGHT + "hm"),
    ],
)
def test_chat_samples_without_ids_are_put_together_again(tmp_path, fields, text):
    rounds = [{"token_ids": None, "finish_reason": fields.get("finish_reason", "stop"), "stop_reason": None}]
    path = write(tmp_path / "output-rs0.jsonl", {"problem": "p", "rounds": rounds} | fields)
    assert harmony.decode(only(load([path])).rounds[0].token_ids().tolist()) == text


def test_without_a_seed_the_lowest_is_meant(tmp_path):
    library = load([write(tmp_path / "a.jsonl", GOOD | {"seed": 5}, GOOD | {"seed": 3})])
    problem = library.by_id["1"][0]
    assert problem.sample(None, tool=True).seed == 3
    assert problem.sample(None, tool=False) is None
    assert problem.sample(4, tool=True) is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no list `rounds`"),
        ({"id": "1"}, "no list `rounds`"),
        (GOOD | {"seed": "0"}, "`seed`"),
        (GOOD | {"problem": 5}, "`problem`"),
        ({"rounds": []}, "neither `id` nor `problem`"),
        (GOOD | {"rounds": ["x"]}, "round 0: not an object"),
        (GOOD | {"rounds": [{}]}, "round 0: neither `token_ids` nor `text`"),
        (GOOD | {"rounds": [{"text": "x"}, {"text": 1}]}, "round 1: neither"),
        (GOOD | {"rounds": [{"token_ids": [1, "x"]}]}, "token_ids must be"),
        (GOOD | {"rounds": [{"token_ids": [-1]}]}, "token_ids must be"),
        (GOOD | {"rounds": [{"token_ids": 3}]}, "token_ids must be"),
        (GOOD | {"rounds": [{"text": "x", "finish_reason": "abort"}]}, "finish_reason"),
        (GOOD | {"rounds": [{"text": "x", "stop_reason": []}]}, "stop_reason"),
        (GOOD, "was already recorded at"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path, row, said):
    path = write(tmp_path / "a.jsonl", GOOD, row)
    with pytest.raises(InputError) as caught:
        load([path])
    assert str(caught.value).startswith(f"{path}:2")
    assert said in str(caught.value)
    assert caught.value.hint


def test_files_that_cannot_be_read(tmp_path):
    bad_gzip = tmp_path / "a.jsonl.gz"
    bad_gzip.write_bytes(gzip.compress(b"{}")[:-6])
    for path in (tmp_path / "none.jsonl", tmp_path, bad_gzip, write(tmp_path / "b.jsonl", "x").parent):
        with pytest.raises(InputError, match=str(path)):
            load([path])


def test_folder_order_is_stable(tmp_path):
    names = ["x/recording-b.jsonl", "recording-a.jsonl.gz", "x/output-rs1.jsonl"]
    for name in names:
        write(tmp_path / name, "{}")
    write(tmp_path / "problems.jsonl", "{}")
    assert [str(f.relative_to(tmp_path)) for f in files_of(tmp_path)] == sorted(names)
