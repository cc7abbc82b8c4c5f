"""Recordings and servers for the tests of the replay."""

import pytest
from support.replaying import replaying
from support.sums import write_recording


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("replay") / "recording.jsonl")


@pytest.fixture(scope="session")
def url(recording):
    with replaying(recording) as address:
        yield address
