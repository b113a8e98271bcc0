# Everything that is done often: make run, make test, make lint.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
POOL := tools/htcondor-pool
# Pools side by side, which share the tests.
POOLS ?= 3
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The versions that CI uses; `make test-newest` does without.
CONSTRAINTS ?= --constraint constraints.txt
# The wheel's contents and dependencies decide when the environment is brought up to date.
READY := $(VENV)/.ready
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev
# The validator of RO-Crates needs other versions of libraries than the rest.
VALIDATOR := .venv-rocrate
VALIDATOR_READY := $(VALIDATOR)/.ready

.PHONY: run hello test test-slow test-htcondor test-newest full-calcloud full-registry full-hsc mutants lint docs picture constraints format bench-local bench clean

run: $(RUN_READY)  ## train the three networks on simulated jobs
	$(BIN)/fwsubmit calcloud_train

hello: $(READY)  ## the smallest pipeline, in seconds
	$(BIN)/fwsubmit hello

test: $(DEV_READY)  ## the tests, in less than ten minutes
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not htcondor" $(TESTS)

test-slow: $(DEV_READY) $(VALIDATOR_READY)  ## the tests that take minutes each
	ROCRATE_PYTHON=$(CURDIR)/$(VALIDATOR)/bin/python $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not htcondor" $(TESTS)

test-htcondor: $(DEV_READY)  ## the tests on a real HTCondor pool (needs root; builds the pool once, some minutes)
	$(POOL) build
	$(BIN)/python -m pytest -m htcondor -p no:cacheprovider -p no:hypothesispytest --dist loadscope --tx "$(POOLS)*popen//python=$(POOL) run python" $(or $(TESTS),tests/htcondor)

full-calcloud: $(DEV_READY)  ## the networks on the real jobs, three seeds
	FW_FULL=1 $(BIN)/python -m pytest tests/calcloud/test_real_jobs.py

full-registry: $(DEV_READY)  ## fifty kills of an ingest on each database, and both databases asked the same
	FW_FULL=1 $(BIN)/python -m pytest -n 2 tests/registry/test_endurance.py tests/registry/test_alike.py

full-hsc: $(DEV_READY)  ## the coadds of three simulated skies
	FW_FULL=1 $(BIN)/python -m pytest tests/hsc/test_chain.py

test-newest:  ## the tests with the newest versions of all packages, in an environment of their own
	$(MAKE) VENV=.venv-newest CONSTRAINTS= test

constraints: $(DEV_READY)  ## the newest versions into constraints.txt; nothing is installed
	$(BIN)/python tools/constraints.py

mutants: $(DEV_READY)  ## small faults at random, and which of them no test notices (MUTANTS=300 SEED=…)
	$(BIN)/python -m tools.mutants --mutants $(or $(MUTANTS),300) $(if $(SEED),--seed $(SEED))

lint: $(DEV_READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DEV_READY)  ## the documentation: docs/_build/html/index.html
	$(BIN)/python -m tools.reference
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html

picture: $(DEV_READY)  ## docs/images/hello.svg: what a run of hello was
	FW_HOME=$$(mktemp -d) && export FW_HOME && $(BIN)/fwsubmit hello && \
	    $(BIN)/fw lineage together.txt --graph svg > docs/images/hello.svg && rm -r $$FW_HOME

format: $(DEV_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-local: $(RUN_READY)  ## 1,000 short jobs beside xargs, in one run
	$(BIN)/python -m benchmarks.local

bench: $(DEV_READY) bench-local  ## every benchmark
	$(BIN)/python -m benchmarks.wcl
	$(BIN)/python -m benchmarks.registry
	$(BIN)/python -m benchmarks.plan
	$(BIN)/python -m benchmarks.inprocess
	$(BIN)/python -m benchmarks.calcloud
	$(BIN)/python -m benchmarks.calcloud_campaign

clean:
	rm -rf $(VENV) .venv-newest $(VALIDATOR) dist build .mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv here: install the package python3-venv" >&2; exit 1; }

$(READY): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) $(CONSTRAINTS) --editable .
	touch $@

$(RUN_READY): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) $(CONSTRAINTS) --editable '.[ml]'
	touch $@ $(READY)

$(DEV_READY): $(BIN)/python pyproject.toml constraints.txt
	$(PIP) $(CONSTRAINTS) --editable '.[astro,graph,ml,s3,docs,dev]'
	touch $@ $(RUN_READY) $(READY)

$(VALIDATOR_READY):
	$(PYTHON) -m venv $(VALIDATOR)
	$(VALIDATOR)/bin/python -m pip install --quiet --disable-pip-version-check roc-validator 'rocrate<0.14'
	touch $@
