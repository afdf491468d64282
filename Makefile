PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# How the tests run side by side; `make test PARALLEL=` runs them one after another. Three processes
# keep two cores busy, since tests also wait for browsers, servers and timeouts.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder
# pytest stores the test modules that it has compiled, else each of its processes does that again.
export PYTHONDONTWRITEBYTECODE :=
PEERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/contacts-service/peers
PYTEST := $(BIN)/pytest $(PARALLEL) -m 'not soak'

.PHONY: help run test soak clients check wheel binary binary-folder release coverage fuzz bench bench-peers upgrade clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(VENV)/installed ## Set up and start the server on http://127.0.0.1:8000
	$(BIN)/contacts serve

test: $(VENV)/tested ## Run the tests, except those of `make soak`
	$(PYTEST)

soak: $(VENV)/tested ## Run the tests that take long or need the machine to themselves
	$(BIN)/pytest -m soak || [ $$? = 5 ]  # 5: no test has the marker.

clients: $(VENV)/tested ## Generate clients from the OpenAPI document, and use them and other programs' clients
	$(BIN)/pytest -m soak tests/clients -v -rs

check: $(VENV)/tested ## Lint, format check, types, spelling and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(PYTEST)

wheel: $(VENV)/bin/python ## Build the wheel, install it elsewhere, start it and call it
	$(BIN)/python deploy/release/check_wheel.py

binary: $(VENV)/bin/python ## Build the service, Python and SQLite into one file in dist/, and call it
	$(BIN)/python deploy/release/binary.py
	$(BIN)/python deploy/release/smoke.py $$(ls -t dist/contacts-*-linux-$$(uname -m) | head -n 1)

binary-folder: ## Build the folder that the binary unpacks, for the container image
	$(PYTHON) deploy/release/binary.py --folder

release: $(VENV)/bin/python ## Build wheel, sources, binary and image (on BASE=…) of VERSION, try each, print what to upload
	@$(BIN)/python deploy/release/release.py $(or $(VERSION),"")

coverage: $(VENV)/tested ## Run the tests and print what they cover, by folder; servers that they start are not counted
	-$(PYTEST) --cov --cov-report=
	@for folder in app/*/; do [ -e $$folder/__init__.py ] && printf '%4s %%  %s\n' \
		"$$($(BIN)/coverage report --format=total --include="$$folder**")" $$folder; done; true
	@printf '%4s %%  in all; lines: %s\n' "$$($(BIN)/coverage report --format=total)" '$(BIN)/coverage report -m'

fuzz: $(VENV)/tested ## Send what nobody thought of, by the OpenAPI document, for SECONDS=600
	FUZZ_SECONDS=$(or $(SECONDS),600) $(BIN)/pytest -m soak tests/api_docs/test_fuzz.py

bench: $(VENV)/tested ## Measure requests beside Flask's hello (needs wrk), imports, exports, queries and backups
	@command -v wrk >/dev/null || { \
		echo "make bench needs wrk: run 'apt-get install wrk' or 'brew install wrk' first"; exit 2; }
	PYTHONPATH=. $(BIN)/python bench/start.py
	PYTHONPATH=. $(BIN)/python bench/load.py
	PYTHONPATH=. $(BIN)/python bench/steps.py
	PYTHONPATH=. $(BIN)/python bench/bulk.py
	PYTHONPATH=. $(BIN)/python bench/growth.py
	PYTHONPATH=. $(BIN)/python bench/backup.py
	PYTHONPATH=. $(BIN)/python bench/segments.py
	PYTHONPATH=. $(BIN)/python bench/postgres.py

bench-peers: $(VENV)/installed ## Measure beside PocketBase, FastAPI, Django REST and json-server, installed into PEERS=~/.cache/… (needs wrk, npm)
	@for tool in wrk npm; do command -v $$tool >/dev/null || { \
		echo "make bench-peers needs $$tool: install it with your package manager first"; exit 2; }; done
	$(PYTHON) -m venv $(PEERS)/python
	$(PEERS)/python/bin/pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
	cp bench/peers/package.json $(PEERS) && npm install --silent --no-audit --no-fund --prefix $(PEERS)
	PYTHONPATH=. $(BIN)/python bench/peers/run.py $(PEERS)

upgrade: ## Renew constraints.txt with the newest releases that setup.cfg allows
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Use the oldest Python that is supported: make upgrade PYTHON=python3.11"; exit 2; }
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" \
	&& "$$folder/bin/pip" install --quiet --disable-pip-version-check pip-tools \
	&& CUSTOM_COMPILE_COMMAND='make upgrade' "$$folder/bin/pip-compile" --quiet --upgrade \
		--extra test --strip-extras --no-annotate --no-emit-options --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file constraints.txt setup.cfg

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) *.egg-info build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .clients

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg constraints.txt
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/tested: $(VENV)/bin/python setup.cfg constraints.txt
	$(PIP) -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/installed
