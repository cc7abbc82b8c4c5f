"""A real vLLM without a GPU, with a tiny gpt-oss that says what it is told; `make .make/vllm` installs it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mathforge import harmony
from mathforge.launching import Launch, launch
from mathforge.replay.recording import Round
from support import sums, tiny_gpt_oss

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = 30
SEEDS = 4
FINAL = "<|channel|>final<|message|>\\boxed{{{}}}<|return|>"
CALL = "<|channel|>analysis to=python code<|message|>{}<|call|>"
CONTEXT = 4096
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "2",
    "VLLM_HOST_IP": "127.0.0.1",
    "TORCHDYNAMO_DISABLE": "1",
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
}
# float32: with bf16 the attention kernels may choose instructions that a virtual machine only claims to have.
# Whole prompts: a prompt cut in pieces, with a seed, ends the engine ("CPU generator does not use offset").
ARGUMENTS = (
    "--no-enable-chunked-prefill --max-num-batched-tokens 8192 "
    "--served-model-name m --load-format dummy --dtype float32 --max-num-seqs 64 --enforce-eager "
    f"--max-model-len {CONTEXT} --logits-processors scripted_sampling:Script "
    "--enable-auto-tool-choice --tool-call-parser openai"
)


def program() -> Path | None:
    """The `vllm` command, or None where it is not installed."""
    folder = Path(os.environ.get("MATHFORGE_VLLM", ROOT / ".make" / "vllm-env"))
    path = folder / "bin" / "vllm"
    return path if path.exists() else None


def problem(number: int) -> dict[str, str]:
    """One benchmark row."""
    asked = f"How much is 7 times {number + 11} by Python?"
    return {"id": f"t{number}", "problem": asked, "expected_answer": str(7 * (number + 11))}


def rounds(number: int, seed: int, *, tool: bool) -> list[str]:
    """What the model says; every fourth answer is wrong, so that the table shows something."""
    right = 7 * (number + 11)
    answer = FINAL.format(right + (number + seed) % 4 // 3)
    return [CALL.format(f"7*{number + 11}"), answer] if tool else [answer]


def recording_rows() -> list[dict[str, Any]]:
    """The same as a recording for the replay server."""
    rows = []
    for number in range(PROBLEMS):
        for seed in range(SEEDS):
            for tool in (True, False):
                said = [
                    {
                        "text": text,
                        "finish_reason": "stop",
                        "stop_reason": 200012 if "<|call|>" in text else None,
                    }
                    for text in rounds(number, seed, tool=tool)
                ]
                fields = {
                    "id": f"t{number}",
                    "problem": problem(number)["problem"],
                    "seed": seed,
                    "tool": tool,
                }
                rows.append(fields | {"model": "m", "rounds": said})
    return rows


def write(folder: Path) -> None:
    """Write benchmark, recording and script."""
    lines = [json.dumps(problem(number)) + "\n" for number in range(PROBLEMS)]
    (folder / "times.jsonl").write_text("".join(lines))
    (folder / "recording.jsonl").write_text("".join(json.dumps(row) + "\n" for row in recording_rows()))
    samples = []
    for row in [*recording_rows(), *sums.rows()]:
        if row["problem"] == sums.LONGER:
            continue  # its mark would be the other problem's too
        said = ids_of_rounds(row)
        samples.append(
            {"mark": mark(row["problem"]), "tool": row["tool"], "seed": row["seed"], "rounds": said}
        )
    script = {"tool_mark": harmony.encode("## python"), "samples": samples}
    (folder / "script.json").write_text(json.dumps(script))


def mark(asked: str) -> list[int]:
    """Ids of a problem that are the same in every prompt around it: a digit ends a token on both sides."""
    if asked == sums.PROBLEM:
        return harmony.encode(" power 10?")
    return harmony.encode(asked.removeprefix("How much is 7").removesuffix("?"))


def ids_of_rounds(row: dict[str, Any]) -> list[list[int]]:
    """The ids of each round."""
    return [
        Round(one["text"], one.get("finish_reason", "stop"), one.get("stop_reason")).token_ids().tolist()
        for one in row["rounds"]
    ]


@contextlib.contextmanager
def scripted_vllm(folder: Path) -> Iterator[str]:
    """Start it; gives the address. `folder` receives benchmark, recording, script and log."""
    vllm = program()
    assert vllm is not None
    write(folder)
    model = tiny_gpt_oss.write(ROOT / ".make" / "vllm-model")
    settings = ENVIRONMENT | {
        "VLLM_CACHE_ROOT": str(ROOT / ".make" / "vllm-cache"),
        "PYTHONPATH": str(Path(__file__).parent),
        "MATHFORGE_SCRIPT": str(folder / "script.json"),
        "PATH": f"{vllm.parent}:{os.environ['PATH']}",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        what = Launch(str(model), entrypoint=f"nice -n 10 {vllm} serve", args=ARGUMENTS, gpus=0)
        with launch(what, folder) as [address]:
            yield address
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
