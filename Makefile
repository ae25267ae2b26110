# Each target first brings .venv up to date, see tools/set_up.py. Needs Python 3.11, 3.12 or 3.13,
# git and make.

# What a user gave, as it is: make expands nothing in it, and the shell takes it from the
# environment, in quotes.
override PYTHON := $(value PYTHON)
override ONLY := $(value ONLY)
override FOR := $(value FOR)
override SEED := $(value SEED)
export PYTHON ONLY FOR SEED
# What else the environment may hold, and what would lead Python, numba, matplotlib or cd astray.
unexport CDPATH MPLBACKEND JUPYTER_PATH NUMBA_DISABLE_JIT NUMBA_ENABLE_CUDASIM
unexport $(filter-out PYTHON PYTHONUNBUFFERED,$(filter PYTHON%,$(.VARIABLES)))
unexport $(if $(filter 0 -%,$(NUMBA_NUM_THREADS)),NUMBA_NUM_THREADS)

# A name in the environment or on the command line changes none of these.
override SET_UP := "$${PYTHON:-python3}" tools/set_up.py book
override PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help book lab test lint format reference data wasm bench test-cuda bench-cuda fuzz stills screenshots constraints clean distclean

help:
	@echo 'make book         execute every chapter, build the HTML, say where it is'
	@echo 'make lab          open the chapters as notebooks in JupyterLab'
	@echo 'make test         lint, types, unit tests, notebooks, and the browser tests'
	@echo '                  where Chromium and a built book are found'
	@echo 'make lint         lint and types only'
	@echo 'make format       let ruff format and fix what it can'
	@echo 'make reference    regenerate the reference notebooks in tests/reference; ONLY=name for one'
	@echo 'make data         run the stored experiments again, hours; ONLY=name for one of them'
	@echo 'make wasm         compile the kernels for the figures that train in the page'
	@echo 'make bench        race the peers (installs PyTorch and JAX), some twenty minutes'
	@echo 'make fuzz         try odd arguments on every public call until one is at fault, or FOR=600'
	@echo '                  seconds; SEED=number repeats, ONLY=name for some of the calls'
	@echo 'make test-cuda    test the GPU kernels on this machine'"'"'s NVIDIA GPU'
	@echo 'make bench-cuda   race the GPU kernels against PyTorch and JAX on that GPU'
	@echo 'make stills       draw the still pictures of live figures again (needs node)'
	@echo 'make screenshots  photograph every page of the built book'
	@echo 'make constraints  pin the newest versions that pyproject.toml allows'
	@echo 'make clean        remove what the targets above made; distclean: .venv too'
	@echo 'Another Python:   make book PYTHON=python3.12'

book:
	@$(SET_UP)
	$(PY) tools/build_book.py

# Where a JupyterLab of this .venv, and no other, looks for its settings.
VIEWERS = .venv/etc/jupyter/labconfig/default_setting_overrides.json
lab:
	@$(SET_UP) lab
	$(PY) -m jupytext_config --settings-file $(VIEWERS) set-default-viewer
	cd ./book && ../$(PY) -m jupyterlab

lint:
	@$(SET_UP) test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Files side by side, each in one process: a notebook's kernel and the browser are shared within a
# file. They go in order of their names, so that what takes long, browser and notebooks, begins. One
# more at once than there are cores: the browser's pages spend most of their time waiting.
WORKERS = $$($(PY) -c 'import os; print(min(8, os.cpu_count() + 1))')
test: lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

format:
	@$(SET_UP) test
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

reference:
	@$(SET_UP) test
	$(PY) tests/notebooks/make_reference.py $${ONLY:+"$$ONLY"}

data:
	@$(SET_UP)
	cd ./book && ../$(PY) -m experiments $${ONLY:+"$$ONLY"}

stills:
	@$(SET_UP)
	$(PY) tools/draw_stills.py

# What runs in a page is tracked, so that only who changes a kernel needs a linker.
wasm:
	@$(SET_UP) $$(command -v wasm-ld >/dev/null || echo wasm)
	$(PY) -m tools.make_wasm

# Calls with odd arguments, others each time; a fault ends it, as a call that can be pasted.
fuzz:
	@$(SET_UP) test
	$(PY) -m tests.fuzz

# PyTorch and JAX are large, so they are installed for this target alone.
bench:
	@$(SET_UP) bench
	$(PY) -m benchmarks.run
	$(PY) -m benchmarks.ladder

override GPU := $(PY) -c 'from scbtools.engines import check_device; check_device("cuda")' 2>/dev/null || \
	{ echo "No NVIDIA GPU with a driver was found on this machine (nvidia-smi would list it)."; exit 1; }

# On Linux the GPU's compiler comes with the tests; elsewhere it has to be asked for.
test-cuda:
	@$(SET_UP) test cuda
	@$(GPU)
	$(PY) -m pytest tests/cuda

bench-cuda:
	@$(SET_UP) test cuda bench
	@$(GPU)
	$(PY) -m benchmarks.cuda

screenshots:
	@$(SET_UP) test
	$(PY) tests/browser/screenshots.py book/_build/screenshots

# --universal: one file for every system; fewest: one version of a package for every Python,
# so that a result does not depend on which of them ran it.
override COMPILE := $(PY) -m uv pip compile pyproject.toml --universal --fork-strategy fewest \
	--python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet
constraints:
	@$(SET_UP) dev
	$(COMPILE) --all-extras --upgrade -o constraints.txt
	for extra in book test; do \
	  $(COMPILE) --extra $$extra -c constraints.txt --generate-hashes -o requirements/$$extra.txt || exit; \
	done

clean:
	rm -rf book/_build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find scbtools tools tests book benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf .venv
