"""What several test files need."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data beside the checkout (or MATHFORGE_SHARED); tests that need it skip
    without it."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    candidates = [Path(os.environ["MATHFORGE_SHARED"])] if "MATHFORGE_SHARED" in os.environ else []
    for folder in [*candidates, beside, beside.parent.parent / "shared"]:
        if (folder / "data").is_dir():
            return folder
    pytest.skip("shared test data is absent; set MATHFORGE_SHARED")
