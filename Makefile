# The commands of the project. `make` alone lists them. Everything lives in .venv (tools) and var (data).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# The newest Python that is here and new enough.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
DEMO := SETIA_DEMO=1 SETIA_DATA_DIR=$(CURDIR)/var/demo

.PHONY: help demo demo-reset test exhaustive hunt lint clean
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.for-running ## Run the demo: a program with real purchases, at http://localhost:8000 (PORT=... for another)
	@exec env $(DEMO) $(BIN)/python manage.py demo --port $(PORT)

demo-reset: ## Forget the demo's data; the next `make demo` starts over
	@if [ -s var/demo/serve.pid ] && kill -0 "$$(cat var/demo/serve.pid)" 2>/dev/null; then echo "The demo is running as process $$(cat var/demo/serve.pid): stop it first."; exit 1; fi
	@rm -rf var/demo && echo "The demo's data is gone."

test: $(VENV)/.for-tests ## Every check and test that is quick: lint, settings, SQLite, and PostgreSQL where there is one
	@.ci/test $(BIN)

exhaustive: $(VENV)/.for-tests ## Every statement of every job and posting killed, thousands of histories; takes an hour
	@$(BIN)/python -m pytest -q -m exhaustive

hunt: $(VENV)/.for-tests ## The quick tests at hours and dates that are hard, with new draws and new cases; takes half an hour
	@.ci/hunt $(BIN)

lint: $(VENV)/.for-tests ## Style, floors and types
	@$(BIN)/ruff check . && $(BIN)/lint-imports && $(BIN)/mypy

clean: ## Remove the tools' caches and the virtual environment, not the data
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Setia needs Python 3.11 or newer with venv and pip (Debian: apt install python3-venv)."; exit 1; fi
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.for-running: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Setia needs (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.for-tests: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.for-running
