# One process for everybody: continuous integration calls the targets that a developer calls.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: tune test test-slow slow-clusters slow-others chaos lint clean

tune: $(VENV)/installed  ## set up and run the main job
	$(BIN)/python -m ibsweep tune q7_wider

test: $(VENV)/installed  ## set up and pass the tests
	$(BIN)/python -m pytest

test-slow: $(VENV)/installed  ## pass the tests of clusters, kills, notebooks and browsers, two at a time
	$(MAKE) --jobs 2 --output-sync=target slow-clusters slow-others

# apart: clusters have tokens of their own, which would lock out a Ray that runs in the same process
slow-clusters:
	$(BIN)/python -m pytest -m slow -n 0 tests/cluster tests/chaos

slow-others:
	$(BIN)/python -m pytest -m slow -n 0 --ignore tests/cluster --ignore tests/chaos

# an hour or two; PART is inputs, damage, writes, kills, nodes, stores or races; CHAOS_LOG=FILE
# follows it, and tests/builders/chaos.py says what else can be set
chaos: $(VENV)/installed  ## kill, damage and confuse at random, and print the counts
	CHAOS=long $(BIN)/python -m pytest -m slow -n 0 --timeout 7200 \
		$(if $(PART),tests/chaos/test_$(PART).py,tests/chaos)

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
