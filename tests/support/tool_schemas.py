"""Function tools as people write them: JSON Schemas of every kind that Harmony knows how to show."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.sampled_from("abcé_ ."), min_size=1, max_size=8)
NAMES = st.text(st.sampled_from("abcxyz_"), min_size=1, max_size=4)
DEFAULTS = st.one_of(
    st.integers(-9, 9), st.booleans(), WORDS, st.none(), st.lists(st.integers(0, 3), max_size=2)
)


def with_comments(schema: dict[str, Any], draw: st.DrawFn, *, plain: bool) -> dict[str, Any]:
    if draw(st.booleans()):
        schema["description"] = draw(WORDS)
    if draw(st.integers(0, 3)) == 0:
        schema["default"] = draw(DEFAULTS)
    if draw(st.integers(0, 3)) == 0:
        schema["nullable"] = draw(st.booleans())
    if not plain and draw(st.integers(0, 4)) == 0:
        schema["title"] = draw(WORDS)
    if not plain and draw(st.integers(0, 4)) == 0:
        schema["examples"] = draw(st.lists(st.one_of(WORDS, st.integers(0, 9)), max_size=3))
    return schema


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2, plain: bool = False) -> dict[str, Any]:
    """`plain` leaves out what the chat template fails on: other defaults than text beside enum and oneOf."""
    kinds = ["string", "number", "integer", "boolean", "enum", "types", "array", "none"]
    if depth > 0:
        kinds += ["object", "oneOf", "array of"]
    kind = draw(st.sampled_from(kinds))
    schema: dict[str, Any] = {}
    if kind in {"string", "number", "integer", "boolean"}:
        schema["type"] = kind
    elif kind == "enum":
        schema = {"type": "string", "enum": draw(st.lists(WORDS, min_size=1, max_size=3))}
    elif kind == "types":
        types = ["string", "integer", "number", "null", "object"]
        schema["type"] = draw(st.lists(st.sampled_from(types), min_size=1, max_size=3))
    elif kind == "array":
        schema["type"] = "array"
    elif kind == "array of":
        schema = {"type": "array", "items": draw(schemas(depth - 1, plain))}
    elif kind == "oneOf":
        schema["oneOf"] = draw(st.lists(schemas(depth - 1, plain), min_size=1, max_size=3))
    elif kind == "object":
        schema = draw(objects(depth - 1, plain))
    schema = with_comments(schema, draw, plain=plain)
    if plain and {"enum", "oneOf"} & schema.keys() and "default" in schema:
        schema["default"] = draw(WORDS)
    return schema


@st.composite
def objects(draw: st.DrawFn, depth: int = 2, plain: bool = False) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, schemas(depth, plain), max_size=4))
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if draw(st.booleans()):
        schema["required"] = draw(st.lists(st.sampled_from([*properties, "missing"]), max_size=3))
    return schema


@st.composite
def tools(draw: st.DrawFn, plain: bool = False) -> list[dict[str, Any]]:
    """The inner objects of OpenAI's `tools`."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        tool: dict[str, Any] = {"name": draw(NAMES), "description": draw(WORDS)}
        if draw(st.integers(0, 4)) > 0:
            tool["parameters"] = draw(objects(plain=plain))
        found.append(tool)
    return found
