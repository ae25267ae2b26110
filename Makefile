# Each target makes .venv by itself, installs there what it needs, and brings it up to date when
# pyproject.toml or constraints.txt changed. Needs Python 3.11, 3.12 or 3.13, git and make.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
# A marker is touched when its installation is complete, so an interrupted one goes on next time.
BOOK   := $(VENV)/.ready-book
TEST   := $(VENV)/.ready-test
# pip would write bytecode for all that it installs, 190 MB with the book's packages alone. Python
# writes what is used by itself, so it must be allowed to.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help book test lint format reference data bench test-cuda bench-cuda screenshots constraints clean distclean

help:
	@echo 'make book         execute every chapter, build the HTML, say where it is'
	@echo 'make test         lint, types, unit tests, notebooks, and the browser tests'
	@echo '                  where Chromium and a built book are found'
	@echo 'make lint         lint and types only'
	@echo 'make format       let ruff format and fix what it can'
	@echo 'make reference    regenerate the reference notebooks in tests/reference; ONLY=name for one'
	@echo 'make data         run the stored experiments again, hours; ONLY=name for one of them'
	@echo 'make bench        race the peers (installs PyTorch and JAX), some twenty minutes'
	@echo 'make fuzz         try odd arguments on every public call until one is at fault;'
	@echo '                  SECONDS=600 or EXAMPLES=10000 to stop, SEED=1 to repeat, ONLY=name'
	@echo 'make test-cuda    test the GPU kernels on this machine'"'"'s NVIDIA GPU'
	@echo 'make bench-cuda   race the GPU kernels against PyTorch and JAX on that GPU'
	@echo 'make screenshots  photograph every page of the built book'
	@echo 'make constraints  pin the newest versions that pyproject.toml allows'
	@echo 'make clean        remove what the targets above made; distclean: .venv too'
	@echo 'Another Python:   make book PYTHON=python3.12'

$(BOOK): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit( \
	  f"scbtools needs Python 3.11 to 3.13, and $(PYTHON) is {v[0]}.{v[1]}: try make PYTHON=python3.12")'
	$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) -e '.[book]'
	@touch $@

# On top of the book's packages, for everything that is not the book.
$(TEST): $(BOOK)
	$(INSTALL) -e '.[test]'
	@touch $@

book: $(BOOK)
	$(PY) tools/build_book.py

lint: $(TEST)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Files side by side, each in one process: a notebook's kernel and the browser are shared within a
# file. They go in order of their names, so that what takes long, browser and notebooks, begins. One
# more at once than there are cores: the browser's pages spend most of their time waiting.
WORKERS = $$($(PY) -c 'import os; print(min(8, os.cpu_count() + 1))')
test: lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

format: $(TEST)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

reference: $(TEST)
	$(PY) tests/notebooks/make_reference.py $(ONLY)

data: $(BOOK)
	cd book && ../$(PY) -m experiments $(ONLY)

# Calls with odd arguments, others each time; a fault ends it, as a call that can be pasted.
.PHONY: fuzz
fuzz: $(TEST)
	$(PY) -m tests.fuzz $(foreach o,SECONDS EXAMPLES SEED ONLY,$(if $($o),--$o='$($o)'))

# PyTorch and JAX are large, so they are installed for this target alone.
$(VENV)/.ready-bench: $(BOOK)
	$(INSTALL) -e '.[bench]'
	@touch $@

bench: $(VENV)/.ready-bench
	$(PY) -m benchmarks.run
	$(PY) -m benchmarks.ladder

# On Linux the GPU's compiler comes with the tests; elsewhere it has to be asked for.
$(VENV)/.ready-cuda: $(TEST)
	$(INSTALL) -e '.[cuda]'
	@touch $@

GPU := $(PY) -c 'from scbtools.engines import check_device; check_device("cuda")' 2>/dev/null || \
	{ echo "No NVIDIA GPU with a driver was found on this machine (nvidia-smi would list it)."; exit 1; }

test-cuda: $(VENV)/.ready-cuda
	@$(GPU)
	$(PY) -m pytest tests/cuda

bench-cuda: $(VENV)/.ready-cuda $(VENV)/.ready-bench
	@$(GPU)
	$(PY) -m benchmarks.cuda

screenshots: $(TEST)
	$(PY) tests/browser/screenshots.py book/_build/screenshots

# --universal: one file for every system; fewest: one version of a package for every Python,
# so that a result does not depend on which of them ran it.
constraints: $(BOOK)
	$(INSTALL) -e '.[dev]'
	$(PY) -m uv pip compile pyproject.toml --all-extras --universal --fork-strategy fewest \
	  --python-version 3.11 --upgrade --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --quiet -o constraints.txt

clean:
	rm -rf book/_build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find scbtools tools tests book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf $(VENV)
