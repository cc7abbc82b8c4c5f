"""Ids of other models, with a tokenizer trained on the spot by the real package."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from mathforge import stream
from mathforge import tokenizers as foreign
from mathforge.errors import InputError

TEXT = "We compute x² = 5.\n```python\nprint(2 + 3)  # é中\n```\n```output\n5\n```\nSo \\boxed{5}.<|im_end|>"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([TEXT] * 5, trainer)
    made.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    return made


def test_encode_and_decode_from_every_form(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    for form in (tokenizer, path, str(path), tmp_path):
        ids = foreign.encode(TEXT, form)
        assert ids == tokenizer.encode(TEXT).ids
        assert foreign.decode(ids, form) == TEXT


@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_chunking_of_ids_finds_what_the_text_holds(tokenizer: Tokenizer, cuts: list[int]) -> None:
    ids = foreign.encode(TEXT, tokenizer)
    bounds = sorted({0, len(ids), *(cut % len(ids) for cut in cuts)})
    detector = foreign.TokenDetector("qwen", tokenizer)
    events = [e for a, b in pairwise(bounds) for e in detector.push(ids[a:b])]
    of_text = stream.Detector("qwen")
    expected = [*of_text.push(TEXT), *of_text.finish()]
    seen = [(e.kind, e.text, e.byte_start, e.byte_end) for e in [*events, *detector.finish()]]
    assert seen == [(e.kind, e.text, e.byte_start, e.byte_end) for e in expected]
    assert [text for kind, text, *_ in seen if kind == "code"] == ["print(2 + 3)  # é中\n"]


def test_a_character_cut_by_the_end(tokenizer: Tokenizer) -> None:
    ids = foreign.encode("```python\n", tokenizer)
    half = tokenizer.token_to_id(
        pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("中")[0][0][0]
    )
    detector = foreign.TokenDetector("qwen", tokenizer)
    detector.push([*ids, half])
    assert [event.text for event in detector.finish()] == ["\ufffd"]


def test_a_tool_loop_is_driven_by_ids(tokenizer: Tokenizer) -> None:
    reader, driver = foreign.TokenText(tokenizer), stream.Driver("qwen")
    call = TEXT[: TEXT.index("```output")]
    steps = [driver.feed(reader.push([token])) for token in foreign.encode(call, tokenizer)]
    assert steps[-1].code == "print(2 + 3)  # é中\n"
    assert (reader.finish(), driver.finish()) == ("", steps[-1])


def test_what_is_no_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tokenizer\.json at"):
        foreign.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="holds no tokenizer"):
        foreign.load(tmp_path)
