"""Hold every source file to 500 lines and every function to 80 (the soft limits are 300 and 40)."""

import ast
import re
import subprocess
import sys
from pathlib import Path

FILE_LIMIT = 500
FUNCTION_LIMIT = 80
RUST_FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe )*fn (\w+)")


def long_python_functions(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path}:{node.lineno}: function `{node.name}` has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LIMIT
    ]


def long_rust_functions(path: Path) -> list[str]:
    """A function ends at the first `}` indented like its `fn` (rustfmt guarantees the indentation)."""
    found = []
    open_functions: list[tuple[str, int, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := RUST_FUNCTION.match(line):
            open_functions.append((match[1], number, match[2]))
        while open_functions and line.rstrip() == f"{open_functions[-1][0]}}}":
            _, start, name = open_functions.pop()
            if number - start + 1 > FUNCTION_LIMIT:
                found.append(f"{path}:{start}: function `{name}` has {number - start + 1} lines")
    return found


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    problems = []
    for path in map(Path, listed.stdout.splitlines()):
        # Stubs describe one native module, which Python cannot find in pieces.
        if path.suffix not in {".py", ".rs"} or not path.exists():
            continue
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LIMIT:
            problems.append(f"{path}: {lines} lines, the limit is {FILE_LIMIT}")
        problems += long_python_functions(path) if path.suffix != ".rs" else long_rust_functions(path)
    print("\n".join(problems) or "file and function sizes: fine")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
