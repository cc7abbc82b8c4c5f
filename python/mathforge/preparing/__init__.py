"""`mathforge prepare`: benchmarks from the Hugging Face hub, or from files, as the JSONL that `eval` reads.

    NAME/SPLIT.jsonl      one problem a row
    NAME/prepared.json    where it came from: repository, commit, SHA-256 of its files and of the result

What is there with the recorded hash is not fetched again, so a prepared machine needs no network.
"""

from .building import Prepared, prepare
from .catalog import CATALOG, GROUPS, Dataset

__all__ = ["CATALOG", "GROUPS", "Dataset", "Prepared", "prepare"]
