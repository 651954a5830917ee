# Every command a person needs. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := $(patsubst %,-e %,$(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)))

.PHONY: help demo test check fmt web component e2e browser soak bench up down migrate schemas lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.venv/ready: requirements.lock $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Minestream needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 …")'
	@echo "installing into .venv (about a minute, once) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS)
	@touch $@

demo: .venv/ready ## the whole system with emulated miners; Ctrl-C ends it (ARGS="--miners 100")
	@exec $(BIN)/minestream demo $(ARGS)

test: check web component e2e ## everything, on real Kafka and PostgreSQL; about 20 minutes on two cores

check: .venv/ready ## format, lint, types, import contracts, unit and contract tests; no server
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/contract --numprocesses 2

fmt: .venv/ready ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

web: .venv/ready ## the dashboard: types, lint, its own tests, build; by a Node of our own
	$(BIN)/minestream dashboard --check

component: .venv/ready ## each part against real Kafka and PostgreSQL, two files at a time
	$(BIN)/pytest tests/component -m "not soak" --numprocesses 2 --dist loadfile

e2e: .venv/ready ## the whole system, killed at random, two files at a time
	$(BIN)/pytest tests/e2e -m "not soak" --numprocesses 2 --dist loadfile

browser: .venv/ready ## the dashboard in Chromium against the whole system (screenshots: MINESTREAM_SCREENSHOTS)
	$(BIN)/pytest tests/e2e/test_dashboard.py

soak: .venv/ready ## what takes longer than the test budget: three-seed chaos, long runs
	$(BIN)/pytest tests/component tests/e2e -m soak --timeout 3600

bench: .venv/ready ## every benchmark against its peer, and tests/bench/results/latest.json (ARGS="stream --quick")
	$(BIN)/python -m tests.bench $(ARGS)

up: .venv/ready ## Kafka, PostgreSQL and the services in the background
	$(BIN)/minestream up

down: .venv/ready ## end them
	$(BIN)/minestream down

migrate: .venv/ready ## bring the database's schemas up to date
	$(BIN)/minestream migrate

schemas: .venv/ready ## write the JSON Schemas of all events, and the tables of docs, anew
	$(BIN)/python -m minestream_schemas .
	$(BIN)/python -m tests.unit.dialects.table

lock: .venv/ready ## resolve requirements.lock anew (hashes, no addresses)
	$(BIN)/uv lock --quiet --upgrade
	$(BIN)/uv export --quiet --all-packages --all-groups --no-emit-workspace --no-header --format requirements-txt -o requirements.lock >/dev/null

clean: ## remove the virtual environment and all local data
	rm -rf .venv .minestream
