"""A gpt-oss of 2 layers with the real vocabulary: the folder that a model server wants, less the weights.

`python tests/support/tiny_gpt_oss.py FOLDER` writes it. Servers make up the weights (`--load-format dummy`).
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from mathforge import harmony

ORDINARY_IDS = 199_998
SPECIALS = {
    199_998: "<|startoftext|>",
    199_999: "<|endoftext|>",
    200_002: "<|return|>",
    200_003: "<|constrain|>",
    200_005: "<|channel|>",
    200_006: "<|start|>",
    200_007: "<|end|>",
    200_008: "<|message|>",
    200_012: "<|call|>",
    200_018: "<|endofprompt|>",
}
CONFIG: dict[str, Any] = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "num_hidden_layers": 2,
    "layer_types": ["sliding_attention", "full_attention"],
    "sliding_window": 128,
    "hidden_size": 128,
    "intermediate_size": 128,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 64,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "experts_per_token": 2,
    "vocab_size": 201_088,
    "hidden_act": "silu",
    "attention_bias": True,
    "attention_dropout": 0.0,
    "initial_context_length": 4096,
    "max_position_embeddings": 131_072,
    "rms_norm_eps": 1e-5,
    "rope_theta": 150_000,
    "rope_scaling": {
        "rope_type": "yarn",
        "factor": 1.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "original_max_position_embeddings": 4096,
        "truncate": False,
    },
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "eos_token_id": 200_002,
    "pad_token_id": 199_999,
    "torch_dtype": "float32",
}
# As published for gpt-oss: <|return|>, <|endoftext|> and <|call|> end a completion without being asked to.
GENERATION = {
    "bos_token_id": 199_998,
    "do_sample": True,
    "eos_token_id": [200_002, 199_999, 200_012],
    "pad_token_id": 199_999,
}
# The pattern of o200k, alternative by alternative; see rust/src/harmony/pretokenize.rs.
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def write(folder: Path) -> Path:
    """Write the model's folder, unless it is there; gives it back."""
    if not (folder / "tokenizer.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIG))
        (folder / "generation_config.json").write_text(json.dumps(GENERATION))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIALS[199_998]}
        settings |= {"eos_token": SPECIALS[200_002], "pad_token": SPECIALS[199_999]}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False))
    return folder


def tokenizer() -> dict[str, Any]:
    """A byte-level BPE in the file format of Hugging Face's tokenizers."""
    pieces = [harmony.decode_bytes([id_]) for id_ in range(ORDINARY_IDS)]
    rank = {piece: id_ for id_, piece in enumerate(pieces)}
    letters = byte_letters()
    spelled = ["".join(letters[byte] for byte in piece) for piece in pieces]
    halves = [split(piece, rank) for piece in pieces if len(piece) > 1]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    split_step = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
    byte_step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        # Without gaps: the library numbers added tokens itself.
        "added_tokens": [
            {"id": id_, "content": SPECIALS.get(id_, f"<|reserved_{id_}|>"), **flags}
            for id_ in range(ORDINARY_IDS, CONFIG["vocab_size"])
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split_step, byte_step]},
        "post_processor": None,
        "decoder": byte_step | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "vocab": dict(zip(spelled, range(ORDINARY_IDS), strict=True)),
            "merges": [[spelled[rank[left]], spelled[rank[right]]] for left, right in halves],
        },
    }


def split(piece: bytes, rank: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that the last merge joins into this one: BPE over its bytes with all earlier merges."""
    parts = [piece[at : at + 1] for at in range(len(piece))]
    limit = rank[piece]
    while len(parts) > 2:
        joined = [rank.get(left + right, limit) for left, right in pairwise(parts)]
        at = min(range(len(joined)), key=joined.__getitem__)
        assert joined[at] < limit, f"no merge leads to {piece!r}"
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts[0], parts[1]


def byte_letters() -> list[str]:
    """One printable character per byte, as byte-level BPE files spell them: printable bytes stand for
    themselves, the others follow from U+0100 on."""
    own = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in own else chr(next(others)) for byte in range(256)]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
