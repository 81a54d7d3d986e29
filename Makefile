# The front door. Every target works in an empty clone on a machine with Python 3.11 or 3.12 and make.
# Set-up speaks on stderr only, so `make demo ARGS=--json` leaves nothing but JSON on stdout.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# Wheels only: nothing is compiled here. Nothing is resolved either: the locks are complete and carry hashes.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps
LOCKED := $(PIP_INSTALL) --no-compile --only-binary :all: --require-hashes
PROJECT := $(PIP_INSTALL) --no-build-isolation --editable .
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-emit-index-url --no-annotate
ARGS ?=

.PHONY: help demo test check bench lock clean

help: ## this text
	@echo 'make TARGET [ARGS="..."] [PYTHON=/path/to/python3.12]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 10

demo: $(VENV)/run.stamp ## a simulated machine, its faults found live; ARGS="--duration 30 --json"
	@$(BIN)/spindlewatch demo $(ARGS)

test: $(VENV)/dev.stamp ## everything CI checks; ARGS="-k judge" goes to pytest
	@.ci/system-packages
	@$(MAKE) check
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/dev.stamp ## style, types and layering; no tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp ## the figures of perf/ beside their budgets; ARGS="--only import_help_ms"
	@$(MAKE) $(VENV)/peers.stamp || echo "Without some peers: the figures that compare with them say so." >&2
	@$(BIN)/python -m perf $(ARGS)

lock: $(VENV)/dev.stamp ## write the requirements*.txt anew from pyproject.toml; ARGS=--upgrade
	@$(LOCK) $(ARGS) pyproject.toml --output-file requirements.txt
	@$(LOCK) $(ARGS) --group build --output-file requirements-build.txt
	@$(LOCK) $(ARGS) pyproject.toml --group dev --output-file requirements-dev.txt
	@$(LOCK) $(ARGS) --constraint requirements-dev.txt --group peers --output-file requirements-peers.txt

clean: ## remove the environment and everything generated
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$(.ci/find-python $(PYTHON)) || exit 2; \
	echo "Making .venv with $$python" >&2; \
	"$$python" -m venv --clear $(VENV) >&2

# Environments made by other tools come without pip.
$(VENV)/pip.stamp: | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >&2
	@touch $@

$(VENV)/run.stamp: requirements.txt requirements-build.txt pyproject.toml $(VENV)/pip.stamp
	@echo "Installing the pinned requirements into .venv (once)" >&2
	@$(LOCKED) -r requirements.txt -r requirements-build.txt >&2
	@$(PROJECT) >&2
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing the pinned test and lint tools into .venv (once)" >&2
	@$(LOCKED) -r requirements-dev.txt >&2
	@touch $@

# rrcf is published as source only: it is packed here, with the setuptools of the lock, so that comes first.
$(VENV)/peers.stamp: requirements-peers.txt $(VENV)/dev.stamp
	@echo "Installing the pinned peers of the figures into .venv (once)" >&2
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements-peers.txt >$(VENV)/setuptools.txt
	@$(LOCKED) -r $(VENV)/setuptools.txt >&2
	@$(LOCKED) --no-binary rrcf --no-build-isolation -r requirements-peers.txt >&2
	@touch $@
