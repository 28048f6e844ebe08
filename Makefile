# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMAGES ?=
ARCHITECTURE ?= efficientnet-lite2
# processes that share the tests: as many as there are cores, at most four (1.5 GB each where TensorFlow is needed)
PROCESSES ?= logical
UV_COMPILE = $(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --group build

.DEFAULT_GOAL := help
.PHONY: help install demo test check audit train card bench soak lock clean

help: ## show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

install: $(VENV)/.installed ## make .venv with .venv/bin/screen

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"dermscreen needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import importlib.util, sys; sys.exit(0 if importlib.util.find_spec("ensurepip") else f"dermscreen needs the ensurepip of Python, which this one lacks: on Debian and Ubuntu install the package python3.{sys.version_info[1]}-venv")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: install ## screen IMAGES=folder, or drawn pictures, with everything embedded
	$(BIN)/screen demo $(if $(IMAGES),"$(IMAGES)") --output demo

check: $(VENV)/.installed-dev ## ruff, mypy, import-linter, bandit, a scan for secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r cli worker scheduler storage models
	$(BIN)/python tests/architecture/secret_scan.py

audit: $(VENV)/.installed-dev ## ask for known vulnerabilities of the locked packages; says so where nobody answers
	$(BIN)/python tests/architecture/vulnerability_audit.py

test: check ## install and pass all tests, in PROCESSES=2 at once
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --maxprocesses 4 --dist worksteal

train: $(VENV)/.installed-dev ## train the shipped model anew: DATA=folder GROUPS=csv OUTPUT=folder ARCHITECTURE=...
	$(BIN)/screen model train --architecture $(ARCHITECTURE) --data "$(DATA)" --output "$(OUTPUT)" --data-notes models/collections/melanoma-cancer-image-dataset.json $(if $(GROUPS),--groups "$(GROUPS)") --resume

card: install ## write MODEL_CARD.md anew from the manifests of the shipped model versions
	$(BIN)/screen model card --shipped --output MODEL_CARD.md

bench: $(VENV)/.installed-dev ## measure, as ratios within one run
	$(BIN)/python -m benchmarks.line
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.in_turn
	$(BIN)/python -m benchmarks.chain

soak: $(VENV)/.installed-dev ## IMAGES=20000 images, three workers, a random fault (SEED=1) every few seconds
	IMAGES=$(or $(IMAGES),20000) SEED=$(or $(SEED),1) PYTHONPATH=tests/restart $(BIN)/python tests/soak/soak.py

lock: $(VENV)/.installed-dev ## lock the dependencies anew, with hashes
	$(BIN)/pip install -q --disable-pip-version-check uv
	$(UV_COMPILE) --extra cpu --extra postgres -o requirements.lock
	$(UV_COMPILE) --extra cpu --extra postgres --extra train --extra dev -o requirements-dev.lock
	$(UV_COMPILE) --extra cpu --extra postgres --extra s3 --extra gcs -o requirements-server.lock
	$(UV_COMPILE) --extra gpu --extra postgres --extra s3 --extra gcs -o requirements-gpu.lock

clean: ## remove what the commands above made
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
