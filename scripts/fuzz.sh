#!/usr/bin/env bash
# Run every fuzz target for the given number of seconds (default 60). A crash leaves its input under fuzz/artifacts.
# The stable compiler is enough: without a sanitizer libFuzzer needs no nightly feature but the opt-in below.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
tools="$PWD/.make/tools"
[ -x "$tools/bin/cargo-fuzz" ] || cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root "$tools"
export PATH="$tools/bin:$PATH" RUSTC_BOOTSTRAP=1
for target in $(cargo fuzz list); do
    echo "== $target"
    cargo fuzz run --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096
done
