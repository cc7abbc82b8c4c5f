#!/usr/bin/env bash
# Evaluate the demo benchmark twice against recorded gpt-oss transcripts, with and without the Python tool.
# usage: scripts/demo.sh BIN_DIR OUTPUT_DIR
set -euo pipefail
bin=$1
out=$2
rm -rf "$out"

common=(
    --benchmarks demo:8 --model gpt-oss-120b --server-type replay --replay demo
    ++inference.temperature=1.0 ++inference.top_p=1.0 ++prompt_config=gpt-oss/math
)

echo "== with Python: every call of the recorded model really runs in the sandbox" >&2
"$bin/mathforge" eval "${common[@]}" --output-dir "$out/with-python" --with-sandbox \
    ++inference.endpoint_type=text ++inference.tokens_to_generate=120000 \
    ++code_tags=gpt-oss ++code_execution=true \
    ++server.code_execution.max_code_executions=100 ++server.code_execution.code_execution_timeout=2 \
    ++chat_template_kwargs.reasoning_effort=high '++chat_template_kwargs.builtin_tools=[python]'

echo "== without Python" >&2
"$bin/mathforge" eval "${common[@]}" --output-dir "$out/no-python" \
    ++inference.extra_body.reasoning_effort=high

cat >&2 <<EOF
== files
$out/with-python/eval-results/demo/output-rs*.jsonl   one sample per line, one file per seed
$out/with-python/eval-results/demo/metrics.json       every number of the table and more
$out/no-python/eval-results/demo/...                  the same without the tool
print the tables again: $bin/mathforge summarize $out/with-python
EOF
