"""`python -m mathforge.dataset.prepare NAME...` is `mathforge prepare NAME...`."""

from __future__ import annotations

import sys

from ..cli.main import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]]))
