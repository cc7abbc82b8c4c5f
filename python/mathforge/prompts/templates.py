"""Prompt styles: YAML files with NeMo-Skills' keys, by name or path.

    user: "Solve this. {examples}{problem}"       # fields of the row in braces, literal braces doubled
    system: "Be brief."
    few_shot_examples:
      prefix: "Some examples.\\n"
      template: "Q: {problem}\\nA: {solution}\\n"
      suffix: "Now yours.\\n"
      examples_type: math_standard_few_shot       # or ++examples_type=NAME, or the path of a YAML list

Texts of the built-in ones are this package's own; names and fields are NeMo-Skills'.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import InputError

_FOLDER = Path(__file__).parent
_KEYS = frozenset({"user", "system", "few_shot_examples", "image_field", "image_position"})
_EXAMPLE_KEYS = frozenset({"prefix", "template", "suffix", "examples_type", "num_few_shots"})


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt style.

    Attributes:
        user: text with fields of the row in braces; literal braces are doubled.
        system: text of the system (chat) or developer (gpt-oss ids) message, or None.
    """

    user: str
    system: str | None = None


def find_template(name: str, examples: str | None = None) -> Template:
    """A prompt style, with its worked examples put in.

    Args:
        name: of a built-in style, or the path of a YAML file.
        examples: name or path of the examples, in place of the style's own.

    Raises:
        InputError: there is none of this name (with the nearest), or the file cannot be used.
    """
    path = _find(name, "configs", "prompt_config")
    example_path = _find(examples, "examples", "examples_type") if examples else None
    return _read(path, path.stat().st_mtime_ns, example_path)


def check_names(name: str, examples: str | None) -> None:
    """Raise for an unknown built-in style or examples; files may only be there where the job runs."""
    for given, folder, key in ((name, "configs", "prompt_config"), (examples, "examples", "examples_type")):
        if given and not given.endswith((".yaml", ".yml")) and not Path(given).is_absolute():
            _find(given, folder, key)


def built_in(folder: str = "configs") -> list[str]:
    """Names of the built-in styles, or of the examples."""
    root = _FOLDER / folder
    return sorted(str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.yaml"))


def _find(name: str, folder: str, key: str) -> Path:
    if name.endswith((".yaml", ".yml")) or Path(name).is_absolute():
        path = Path(name).expanduser()
        path = path if path.suffix else path.with_suffix(".yaml")
        if path.is_file():
            return path
        raise InputError(f"there is no file `{path}` ({key})")
    path = _FOLDER / folder / f"{name}.yaml"
    if ".." not in name and path.is_file():
        return path
    names = built_in(folder)
    near = get_close_matches(name, names, n=1)
    suggestion = f"did you mean `{near[0]}`? " if near else ""
    raise InputError(
        f"unknown {key} `{name}`", hint=f"{suggestion}known: {', '.join(names)}; or the path of a .yaml file"
    )


@cache
def _read(path: Path, version: int, example_path: Path | None) -> Template:
    data = _mapping(path)
    unknown = sorted(data.keys() - _KEYS)
    if unknown or not isinstance(data.get("user"), str):
        what = f"unknown key `{unknown[0]}`" if unknown else "no text under `user`"
        raise InputError(f"{path}: {what}", hint=f"keys are {', '.join(sorted(_KEYS))}")
    system = data.get("system")
    if system is not None and not isinstance(system, str):
        raise InputError(f"{path}: `system` is not text")
    examples = literal(_examples(path, data.get("few_shot_examples") or {}, example_path))
    if example_path and "{examples}" not in data["user"]:
        raise InputError(f"{path}: the prompt has no place for {{examples}}", hint="drop ++examples_type")
    return Template(data["user"].replace("{examples}", examples), system or None)


def _examples(path: Path, given: Any, example_path: Path | None) -> str:
    """The filled examples; empty where none are asked for."""
    if not isinstance(given, dict) or (unknown := sorted(given.keys() - _EXAMPLE_KEYS)):
        what = f"`{unknown[0]}`" if isinstance(given, dict) else "a list"
        raise InputError(
            f"{path}: few_shot_examples cannot have {what}", hint=f"it has {', '.join(sorted(_EXAMPLE_KEYS))}"
        )
    if example_path is None and given.get("examples_type"):
        example_path = _find(str(given["examples_type"]), "examples", "examples_type")
    if example_path is None:
        return ""
    rows = _yaml(example_path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{example_path}: a list of examples is wanted, each a mapping of fields")
    template = str(given.get("template", "{problem}\n{solution}\n\n"))
    try:
        filled = [template.format_map(row) for row in rows[: given.get("num_few_shots")]]
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{example_path}: an example does not fit the template of {path}: {error}"
        ) from error
    prefix, suffix = (str(given.get(key, "")).format() for key in ("prefix", "suffix"))
    return f"{prefix}{''.join(filled)}{suffix}"


def literal(text: str) -> str:
    """Text that filling a template leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def _mapping(path: Path) -> dict[str, Any]:
    data = _yaml(path)
    if not isinstance(data, dict):
        raise InputError(f"{path}: a mapping with the key `user` is wanted")
    return data


def _yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
