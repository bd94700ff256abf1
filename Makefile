# make bench: everything from nothing to a table and a page. make test: everything that CI checks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY := PASSIVE

.PHONY: bench test check golden pictures perf noise kills gpu-check weights clean

bench: $(VENV)/.bench
	$(BIN)/benchsuite run smoke --report bench-report.html

test: $(VENV)/.test
	$(MAKE) check

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

# accepts what the pages of the golden store say now; read `git diff tests/golden` before committing
golden: $(VENV)/.test
	$(BIN)/python -m tests.golden_store

# pictures of the pages for the README, from the results in reports/data
pictures: $(VENV)/.test
	$(BIN)/python -m tests.pictures

# ratios, interleaved in one run; nothing here is a test
perf: $(VENV)/.perf
	$(BIN)/python -m tests.perf

# how often the judge is wrong on this machine; three quarters of an hour, and nothing here is a test
noise: $(VENV)/.test
	$(BIN)/python -m tests.noise --record noise.json

# a writer of the store is killed 200 times at random moments; fails where a reported result is lost
kills: $(VENV)/.test
	$(BIN)/python -m tests.kills 200

# what only a machine with an NVIDIA GPU shows; writes reports/data/gpu-NAME.json
gpu-check: $(VENV)/.bench
	$(BIN)/python -m tests.gpu_check

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,browser]'
	touch $@

# the load generator that the harness is compared with
$(VENV)/.perf: $(VENV)/.test
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[perf]'
	touch $@

clean:
	rm -rf $(VENV) build dist bench-report.html
