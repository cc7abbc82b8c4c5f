"""JSON objects edited as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathforge.json_rows import JsonRow

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.dictionaries(
    st.sampled_from(["generation", "symbolic_correct", "a", "b"]) | st.text(), VALUES, max_size=6
)
CHANGES = st.dictionaries(st.sampled_from(["symbolic_correct", "grade_reason"]), VALUES)
STYLES = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}])


@given(ROWS, CHANGES, STYLES, st.sampled_from(["", " ", "\n"]))
def test_only_what_changes_changes(row: dict, changes: dict, style: dict, end: str) -> None:
    text = json.dumps(row, **style) + end
    edited = JsonRow(text).edited(changes, after="generation")
    assert json.loads(edited) == {**row, **changes}
    assert JsonRow(text).values == row
    again = JsonRow(edited)
    assert again.edited(changes, after="generation") == edited
    old = [name for name in again.values if name in row]
    assert old == list(row)
    for name in old:
        if name not in changes:
            assert json.dumps(row[name], **style) in edited or "indent" in style


def test_bytes_and_places_stay() -> None:
    row = JsonRow('{"a": 1.50,  "generation":"\\u00e9", "symbolic_correct": false , "z":[1,{"b":2}]}\n')
    edited = row.edited({"symbolic_correct": True, "grade_reason": "k"}, after="symbolic_correct")
    assert edited == (
        '{"a": 1.50,  "generation":"\\u00e9", "symbolic_correct": true, "grade_reason": "k" ,'
        ' "z":[1,{"b":2}]}\n'
    )
    assert JsonRow("{}").edited({"x": 1}, after="q") == '{"x": 1}'
    assert JsonRow('{"x": 1}').edited({"x": True}, after="q") == '{"x": true}'
    assert JsonRow('{"x": 1.0}').edited({"x": 1.0}, after="q") == '{"x": 1.0}'


def test_of_two_members_with_one_name_the_last_counts() -> None:
    row = JsonRow('{"a": 1, "a": 2}')
    assert row.values == {"a": 2}
    assert row.edited({"a": 3}, after="a") == '{"a": 1, "a": 3}'


def test_numbers_are_read_as_they_are_written() -> None:
    row = JsonRow('{"a": 1.50, "b": 007, "c": null}'.replace("007", "7e2"))
    assert [row.written(name) for name in "abcd"] == ["1.50", "7e2", None, None]
    with pytest.raises(ValueError, match="`a` is list"):
        JsonRow('{"a": []}').written("a")
    with pytest.raises(ValueError, match="`a` is bool"):
        JsonRow('{"a": true}').written("a")


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{", '{"a":1', '{"a" 1}', '{"a":1}x', "{a:1}", '{"a":1,}', '{"a":}', '{"a":' + "[" * 100_000],
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="character"):
        JsonRow(text)
