"""A real vLLM, started once for all tests of this folder."""

import pytest
from support.scripted_vllm import program, scripted_vllm


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("vllm")


@pytest.fixture(scope="session")
def vllm(folder):
    if program() is None:
        pytest.skip("no vLLM: run `make .make/vllm`, or set MATHFORGE_VLLM to its environment")
    with scripted_vllm(folder) as address:
        yield address
