# Everything on a fresh machine with Python 3.11, git and make: `make run`, `make test`.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Kernels, import caches and telemetry are set here once for every target.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: run test check lint bench chaos install dask clean lock secrets image up down audit

run: .venv/run.stamp
	@exec $(BIN)/python -m flows.supervisor

install: .venv/run.stamp

# --no-deps: the lock names every package with its hash already.
.venv/run.stamp: requirements/run.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Setup Scout needs Python 3.11 ($(PYTHON))"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing from requirements/run.lock …"
	@$(PIP) install --no-deps --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# What a standing Dask cluster needs, beside the product.
dask: .venv/run.stamp
	@$(PIP) install --no-deps --require-hashes -r requirements/dask.lock

.venv/test.stamp: .venv/run.stamp requirements/test.lock
	@echo "Installing from requirements/test.lock …"
	@$(PIP) install --no-deps --require-hashes -r requirements/test.lock
	@touch $@

# The one command that says whether the project is sound.
test: .venv/test.stamp lint
	$(BIN)/python -m pytest tests -n 2 --dist loadfile

# The pure part, in under a minute.
check: .venv/test.stamp
	$(BIN)/python -m pytest tests/unit/pipeline tests/architecture -n 2 --dist loadfile -m "not slow"

lint: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Peers live in a group of their own: they need older packages than the product does.
.venv-bench/stamp: requirements/bench.lock
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check -q install --no-deps --require-hashes -r requirements/bench.lock
	@touch $@

bench: .venv/test.stamp .venv-bench/stamp
	$(BIN)/python -m bench

# Processes killed hard and Telegram at its worst while signals come: ROUNDS of it, from SEED.
chaos: .venv/test.stamp
	$(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),200) --seed $(or $(SEED),1)

# Asks the public lists of known faults about every pinned package (needs the network).
audit: .venv/test.stamp
	$(BIN)/pip-audit -r requirements/run.lock --no-deps --disable-pip --strict

# Writes the locks anew from the .in files (needs uv); versions and hashes only.
lock:
	cd requirements && for name in run dask test bench; do \
	  uv pip compile $$name.in -o $$name.lock --generate-hashes --python-version 3.11 --universal --no-header --no-annotate -q; done

# The set in containers: docs/operations.md. `secrets` needs no Docker.
secrets:
	@deploy/make-secrets.sh

image: docker-is-there
	@GIT_COMMIT=$$(git rev-parse HEAD 2>/dev/null) docker compose --profile core build prepare
up: docker-is-there secrets
	@test -f .env || cp .env.example .env
	@docker compose up --detach --wait
down: docker-is-there
	@docker compose --profile core --profile monitoring down

.PHONY: docker-is-there
docker-is-there:
	@docker compose version >/dev/null 2>&1 || { echo "This needs Docker with Compose 2.24 or later; \`make run\` needs neither."; exit 1; }

clean:
	rm -rf .venv .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
