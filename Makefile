# Every command of the project; CI calls only these. `make` alone lists them.

PYTHON ?= python3
VENV ?= .venv
# What is installed into the environment: the tree itself, or a wheel, with all extras.
INSTALL ?= --editable '.[all]'

BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test interop lint docs vectors models layout kills stress soak fuzz e2e bench clean

help: ## list the commands
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

# An environment is made anew when what belongs in it changes; `pip install --group` needs pip 25.1.
$(VENV)/.made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet $(INSTALL) --group test
	touch $@

$(VENV)/.made-%: $(VENV)/.made
	$(BIN)/python -m pip install --quiet --group $*
	touch $@

demo: $(VENV)/.made ## a small application under load, and its statistics
	$(BIN)/python examples/demo.py

# What takes long is left out; `make test ALL=1` runs that too.
test: $(VENV)/.made ## the test suite, on all cores
	$(BIN)/pytest --numprocesses auto -m 'not interop$(if $(ALL),, and not long)'

# The kit takes all cores itself. With `ALL=1` the deliberately wrong variants too, which takes half an hour.
interop: $(VENV)/.made ## other languages: the conformance kit on each, and all writers read by all readers
	$(BIN)/pytest $(if $(ALL),--numprocesses auto,-m 'not long') tests/interop

lint: $(VENV)/.made-lint ## formatting, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.made-docs ## the documentation, into docs/_build
	$(BIN)/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet docs docs/_build

vectors: ## the golden files from their sources
	$(PYTHON) spec/vectors/generate.py

models: ## the models of the store orders, checked with spin; each left-out step is found
	$(PYTHON) spec/models/check.py

layout: $(VENV)/.made ## the layout module and the specification's tables from the schema
	$(BIN)/python -m mmstats_format.generate spec/FORMAT.md

kills: $(VENV)/.made ## a thousand writers killed at random moments, and their files read
	$(BIN)/python -m proofs kills

# `make stress READS=100000000` is the long run; with `OUTPUT=docs/data/stress.json` the documentation shows its figures.
READS ?= 5000000
stress: $(VENV)/.made ## readers of busy writers, counting torn values
	$(BIN)/python -m proofs $(if $(OUTPUT),--output $(OUTPUT)) stress --reads $(READS)

# `make soak MINUTES=10` is the long run; `OUTPUT=docs/data/soak.json` as above.
MINUTES ?= 2
soak: $(VENV)/.made ## writers, cleaners and readers all at once, killed and begun anew; every update counts, once
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(OUTPUT),--output $(OUTPUT))

# `make fuzz SECONDS=3600` is the long run; `OUTPUT=docs/data/fuzz.json` as above. JOBS: processes at a time, else all cores.
SECONDS ?= 60
fuzz: $(VENV)/.made-fuzz ## schema and readers fed with mutated files; needs x86-64
	$(BIN)/python -m fuzz all --seconds $(SECONDS) $(if $(JOBS),--jobs $(JOBS)) $(if $(OUTPUT),--output $(OUTPUT))

# Compiles uWSGI; needs chromium, chromedriver, prometheus and tmux.
e2e: $(VENV)/.made-deployment ## tests with real servers, browsers and terminals; none is skipped
	MMSTATS_REQUIRE_ALL=1 $(BIN)/pytest tests/deployment tests/otel tests/prometheus tests/top tests/web

bench: $(VENV)/.made-bench ## the benchmarks, whose figures the documentation shows
	$(BIN)/python -m benchmarks

clean: ## what the commands above made
	rm -rf $(VENV) .venv-* .cache build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
