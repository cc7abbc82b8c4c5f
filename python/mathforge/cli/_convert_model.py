"""`mathforge convert --convert-to trtllm ...`: NeMo-Skills' conversion of models, of which nothing is left.

vLLM, SGLang and `trtllm-serve` load Hugging Face checkpoints as they are. So that later commands find the
model under the name they expect, the output is a link to the input.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from ..errors import InputError

_LOADED_AS_IS = ("hf", "trtllm", "vllm", "sglang")
_UNUSED = ("model-type", "hf-model-name", "num-gpus", "num-nodes", "dtype", "expname", "log-dir", "partition")
_SERVER_LIMITS = ("max-input-len", "max-seq-len", "max-batch-size")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    group = parser.add_argument_group("models, as in NeMo-Skills")
    group.add_argument("--input-model", metavar="DIR", help="a Hugging Face checkpoint")
    group.add_argument("--output-model", metavar="DIR", help="becomes a link to it: servers load it as it is")
    group.add_argument("--convert-from", metavar="FORM", help="hf")
    group.add_argument("--convert-to", metavar="FORM", help="hf, vllm, sglang or trtllm")
    group.add_argument("--cluster", metavar="NAME", help="whose mounts say where the folders are")
    group.add_argument("--config-dir", metavar="DIR", help="holds cluster configurations")
    group.add_argument("--dry-run", action="store_true", help="say what would be done")
    for flag in (*_UNUSED, *_SERVER_LIMITS):
        group.add_argument(f"--{flag}", help=argparse.SUPPRESS)


def place_model(args: argparse.Namespace) -> int:
    """Make the link."""
    if args.input_model is None or args.output_model is None:
        raise InputError("--input-model and --output-model are wanted", code="usage")
    for form in (args.convert_from or "hf", args.convert_to or "hf"):
        if form not in _LOADED_AS_IS:
            raise InputError(
                f"models of the form `{form}` are not converted here",
                hint=f"one of {', '.join(_LOADED_AS_IS)}",
            )
    source, target = _on_host(args, args.input_model), _on_host(args, args.output_model)
    limits = {flag: getattr(args, flag.replace("-", "_")) for flag in _SERVER_LIMITS}
    given = [f"--{flag.replace('-', '_')} {value}" for flag, value in limits.items() if value]
    print(f"note: `{args.convert_to}` servers load the checkpoint as it is", file=sys.stderr)
    if given:
        print(f"note: limits are the server's: --server-args={shlex.quote(' '.join(given))}", file=sys.stderr)
    if args.dry_run:
        print(shlex.join(["ln", "-s", str(source), str(target)]))
        return 0
    if not source.exists():
        raise InputError(f"there is no model `{source}`")
    if target.is_symlink() and target.resolve() == source.resolve():
        return 0
    if target.exists() or target.is_symlink():
        raise InputError(f"`{target}` is there already", hint="give another --output-model")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve(), target_is_directory=True)
    print(target)
    return 0


def _on_host(args: argparse.Namespace, path: str) -> Path:
    if args.cluster is None:
        return Path(path).expanduser()
    from ..clusters import load_cluster

    return Path(load_cluster(args.cluster, args.config_dir)[0].on_host(path)).expanduser()
