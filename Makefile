# Everything a user or maintainer runs. Each target does its own set-up; `make help` lists them.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  $$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
RUN := $(VENV)/.ready
TEST := $(VENV)/.ready-for-tests

.PHONY: help setup report lab lessons reference test lint bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(RUN)  ## set up the environment and nothing else

report: $(RUN)  ## render the report of CDNOW, a real online music shop
	@$(BIN)/clv report reports/clients/cdnow.yml

lab: $(RUN)  ## open JupyterLab at lesson 00
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

lessons: $(TEST)  ## make the lessons anew from their solutions and run them all
	@$(BIN)/python notebooks/make_lessons.py

reference: $(RUN)  ## make the table of the client file's keys, and its schema for editors, anew
	@$(BIN)/python -m clvhelpers.reporting.reference

test: $(TEST) lint  ## run every test
	@$(BIN)/python tests/tools.py
	@$(BIN)/python -m pytest

lint: $(TEST)  ## check style, types and formatting, notebooks included
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(TEST) $(PEERS)/.ready  ## compare speed, memory and numbers with other libraries (by hand)
	@$(BIN)/python benchmarks/summary.py --peer-python $(PEERS)/bin/python
	@$(BIN)/python benchmarks/cohorts.py
	@$(BIN)/python benchmarks/experiments.py
	@$(BIN)/python benchmarks/lift.py
	@$(BIN)/python benchmarks/fit.py --peer-python $(PEERS)/bin/python
	@$(BIN)/python benchmarks/peers.py --peer-python $(PEERS)/bin/python
	@$(BIN)/python benchmarks/mcmc.py --peer-python $(PEERS)/bin/python
	@$(BIN)/python benchmarks/coverage.py --runs 40
	@$(BIN)/python benchmarks/reports.py

lock: $(TEST)  ## choose new exact versions for the two lock files
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile -q -U --universal --generate-hashes --no-header --no-annotate --extra install pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q -U --universal --generate-hashes --no-header --no-annotate --extra install --extra test --extra dask --extra postgres --extra spark -c requirements.lock pyproject.toml -o requirements-test.lock

clean:  ## remove the environments, so that the next command sets them up afresh
	@rm -rf $(VENV) $(PEERS)

$(RUN): requirements.lock pyproject.toml
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' || \
	  { echo "Python 3.11 or newer is needed: install it, or name it as in: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up the environment in $(VENV); this takes a minute or two, once …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q clvhelpers
	@touch $@

$(TEST): $(RUN) requirements-test.lock
	@echo "Setting up what the tests need besides; this takes a minute or two, once …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-test.lock
	@touch $@

$(PEERS)/.ready: benchmarks/peers.txt
	@echo "Setting up the libraries that the benchmarks compare with …"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@
