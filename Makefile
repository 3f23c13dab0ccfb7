# synthkit: `make run`, `make test`, `make lint`. Everything happens in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The jobs are many small ones: more threads wait for each other longer than they compute.
export OMP_NUM_THREADS ?= 1

.PHONY: setup run test test-slow test-all lint fix reports clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "synthkit needs Python 3.11 to 3.13; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres]'
	touch $(STAMP)

run: setup
	$(BIN)/synthkit demo reviews

test: setup
	$(BIN)/pytest -m 'not slow' -n 2 --dist loadfile --no-loadscope-reorder

test-slow: setup
	$(BIN)/pytest -m slow -n 2

test-all: test test-slow

lint: setup
	$(BIN)/ruff format --check synthkit tests benchmarks
	$(BIN)/ruff check synthkit tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup
	$(BIN)/ruff format synthkit tests benchmarks
	$(BIN)/ruff check --fix synthkit tests benchmarks

reports: setup
	$(BIN)/python reports/build.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist synthkit-demo
