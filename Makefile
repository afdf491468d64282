PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# How the tests run side by side; `make test PARALLEL=` runs them one after another.
PARALLEL ?= -n 2 --dist loadfile

.PHONY: help run test soak check fuzz bench clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(VENV)/installed ## Set up and start the server on http://127.0.0.1:8000
	$(BIN)/contacts serve

test: $(VENV)/tested ## Run the tests, except those of `make soak`
	$(BIN)/pytest $(PARALLEL) -m 'not soak'

soak: $(VENV)/tested ## Run the tests that take long or need the machine to themselves
	$(BIN)/pytest -m soak || [ $$? = 5 ]  # 5: there are none.

check: $(VENV)/tested ## Lint, format check, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(PARALLEL) -m 'not soak'

fuzz: $(VENV)/tested ## Send what nobody thought of, by the OpenAPI document, for SECONDS=600
	FUZZ_SECONDS=$(or $(SECONDS),600) $(BIN)/pytest tests/api_docs/test_fuzz.py

bench: $(VENV)/installed ## Measure speed beside Flask's hello (needs wrk), imports and exports, queries from 10,000 to 1,000,000 contacts, and writes during a backup
	@command -v wrk >/dev/null || apt-get install -y wrk || { echo "Install wrk first: https://github.com/wg/wrk"; exit 2; }
	PYTHONPATH=. $(BIN)/python bench/start.py
	PYTHONPATH=. $(BIN)/python bench/load.py
	PYTHONPATH=. $(BIN)/python bench/bulk.py
	PYTHONPATH=. $(BIN)/python bench/growth.py
	PYTHONPATH=. $(BIN)/python bench/backup.py

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/tested: $(VENV)/bin/python setup.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/installed
