"""Harmony headers as models write them: layouts of a Python call, final messages in good and broken form.

All texts continue a prompt that ends in `<|start|>assistant`: the first header of a round has no start token.
"""

from __future__ import annotations

START_ASSISTANT = "<|start|>assistant"
ANALYSIS = "<|channel|>analysis<|message|>"

CALLS = {
    "channel-first": "<|channel|>analysis to=python code<|message|>",
    "role-first": " to=python<|channel|>analysis code<|message|>",
    "constrain": "<|channel|>analysis to=python <|constrain|>code<|message|>",
    "role-constrain": " to=python<|channel|>analysis <|constrain|>code<|message|>",
    "commentary": "<|channel|>commentary to=python code<|message|>",
    "functions": "<|channel|>commentary to=functions.python code<|message|>",
    "submodule": "<|channel|>analysis to=python.exec code<|message|>",
    "no-type": "<|channel|>analysis to=python<|message|>",
    "no-recipient": "<|channel|>analysis code<|message|>",
    "both-places": " to=python<|channel|>analysis to=python code<|message|>",
}
"""Header of a Python call by layout name. Real runs are nearly all channel-first; the rest is rare."""

CALL_WEIGHTS = {
    "channel-first": 22,
    "role-first": 5,
    "constrain": 3,
    "commentary": 3,
    "functions": 3,
    "no-type": 2,
}
"""How often a layout is used; those not named count once."""

FINALS = {
    "plain": "{analysis}<|end|><|start|>assistant<|channel|>final<|message|>{final}",
    "missing-message": "{analysis}<|end|><|start|>assistant<|channel|>final {final}",
    "stray-end": "{analysis}<|end|><|end|><|start|>assistant<|channel|>final<|message|>{final}",
    "stray-text": "{analysis}<|end|>Done.<|start|>assistant<|channel|>final<|message|>{final}",
    "double-start": "{analysis}<|end|><|start|><|start|>assistant<|channel|>final<|message|>{final}",
    "missing-start": "{analysis}<|end|>assistant<|channel|>final<|message|>{final}",
    "missing-role": "{analysis}<|end|><|channel|>final<|message|>{final}",
    "empty-channel": "{analysis}<|end|><|start|>assistant<|channel|><|message|>{final}",
    "odd-channel": "{analysis}<|end|><|start|>assistant<|channel|>final??<|message|>{final}",
    "content-type": "{analysis}<|end|><|start|>assistant<|channel|>final <|constrain|>text<|message|>{final}",
    "missing-end": "{analysis}<|start|>assistant<|channel|>final<|message|>{final}",
    "channel-inside": "{analysis}<|channel|>final<|message|>{final}",
    "newline": "{analysis}<|end|><|start|>assistant<|channel|>final\n<|message|>{final}",
    "endoftext": "{analysis}<|end|><|start|>assistant<|channel|>final<|message|>{final}",
    "analysis-only": "{analysis} {final}",
}
"""End of a sample by name, its stop token left out; all but `plain` are malformed in ways seen in the field
(`endoftext` by its stop token)."""


def ending(name: str, analysis: str, final: str) -> str:
    """The text that ends a sample, stop token included."""
    stop = "<|endoftext|>" if name == "endoftext" else "<|return|>"
    return FINALS[name].format(analysis=analysis, final=final) + stop


STOP_IDS = {"<|return|>": 200002, "<|call|>": 200012, "<|endoftext|>": 199999}


def stop_id(text: str) -> int | None:
    """Token id of the stop token a text ends in; None for a text cut by its length."""
    return next((token_id for stop, token_id in STOP_IDS.items() if text.endswith(stop)), None)
