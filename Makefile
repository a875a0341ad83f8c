# One process for everybody: continuous integration calls the targets that a developer calls.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: tune test test-slow lint clean

tune: $(VENV)/installed  ## set up and run the main job
	$(BIN)/python -m ibsweep tune q7_wider

test: $(VENV)/installed  ## set up and pass the tests
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed  ## pass the tests of clusters, kills, notebooks and browsers, one at a time
	$(BIN)/python -m pytest -m slow -n 0

lint: $(VENV)/installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
