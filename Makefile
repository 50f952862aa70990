# Everything happens in .venv, which `make setup` builds from requirement files pinned by hash.
# For GNU make 3.81 and later; PYTHON=… chooses the interpreter that .venv is made with.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test soak check bench bench-short dist docs lock clean

PYTHON =
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet
INSTALL = $(PIP) install --no-deps --no-build-isolation
REQUIREMENTS = deploy/requirements
MEASURED = $(addprefix tests/,unit/events unit/rollups unit/store contract integration/test_queries.py simulation/test_daily.py simulation/test_machine.py)
SIDE_BY_SIDE = $(addprefix tests/,browser integration oracle pages unit)
HOUSE = architecture dashboards deploy documentation requirements

help: ## show this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/.installed ## make .venv with all that is needed; quick when that is done already

demo: setup ## everything on this machine, with traffic, a crash on the way, and proof
	.venv/bin/tokentide demo

test: setup ## all tests, with coverage and its floor for the parts that compute
	.venv/bin/python -m pytest --numprocesses auto --dist loadfile --cov --cov-report= $(MEASURED)
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile $(addprefix --ignore=,$(MEASURED)) $(SIDE_BY_SIDE)
	.venv/bin/python -m pytest $(addprefix --ignore=,$(MEASURED) $(SIDE_BY_SIDE))
	@for part in events rollups store/queries; do \
	    echo "coverage of $$part, 95 % are asked:"; \
	    .venv/bin/python -m coverage report --include="src/tokentide/$$part/*" --fail-under=95 || exit 1; \
	done

MINUTES = 30
FUZZ_SECONDS = 60
soak: setup ## fuzz the decoders a minute, then all kinds of faults under steady load for MINUTES=30, with a report
	@mkdir -p build
	@if .venv/bin/python -c 'import atheris' 2>/dev/null; then \
	    .venv/bin/python -m tests.fuzz.decoder -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/ || exit 1; \
	else \
	    echo "NOTHING WAS FUZZED: atheris has no build for this Python (it has one for 3.11 on Linux, x86_64)" >&2; \
	fi
	.venv/bin/python -m tests.faults.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

check: setup ## what can be said without running anything: lint, types, architecture, documentation, deployment
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	.venv/bin/python -m pytest $(addprefix tests/unit/test_,$(addsuffix .py,$(HOUSE)))

bench: setup build/bench/.installed ## every figure beside its reference; takes about ten minutes
	.venv/bin/python -m tests.benchmarks

bench-short: setup build/bench/.installed ## a short run of the benchmarks, to see that they work
	.venv/bin/python -m tests.benchmarks --short

# What runs beside us in the benchmarks has an environment of its own, for it wants other versions.
build/bench/.installed: .venv/bin/python $(REQUIREMENTS)/bench.txt
	.venv/bin/python -m venv --clear build/bench
	build/bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $(REQUIREMENTS)/bench.txt
	@touch $@

# A release: sdist, the wheel made of it, and what it runs with, tried out in an environment that has nothing else.
# Times in the archives are those of the commit, so that the same commit gives the same wheel.
RELEASED_AT = $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
INTO = $(PIP) --python

dist: setup build/release/.installed ## sdist, wheel and software bill of materials in dist/, tried out in a fresh environment
	rm -rf dist build/installed build/lib build/bdist.* src/tokentide.egg-info # what an older build left would be packed
	SOURCE_DATE_EPOCH=$(RELEASED_AT) build/release/bin/python -m build --no-isolation --outdir dist . >build/dist.log
	.venv/bin/python -m venv --without-pip build/installed
	$(INTO) build/installed install --no-deps --no-compile --require-hashes --requirement $(REQUIREMENTS)/runtime.txt
	$(INTO) build/installed install --no-deps --no-compile --no-index dist/*.whl
	build/release/bin/cyclonedx-py environment build/installed/bin/python --pyproject pyproject.toml \
	    --output-reproducible --output-file "$$(echo dist/*.tar.gz | sed 's/tar.gz$$/cdx.json/')"
	.venv/bin/python -m pytest tests/release/dist.py

build/release/.installed: .venv/bin/python $(REQUIREMENTS)/release.txt
	.venv/bin/python -m venv --without-pip --clear build/release
	$(INTO) build/release install --no-deps --no-compile --require-hashes --requirement $(REQUIREMENTS)/release.txt
	@touch $@

docs: setup ## write the tables of docs/ again, from the code
	.venv/bin/python -m docs.reference

clean: ## remove .venv, build products and caches, but no data
	rm -rf .venv build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache src/tokentide.egg-info
	find docs src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A link to an interpreter that went away counts as missing, so .venv is then made again.
.venv/bin/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	        echo "Making .venv with $$("$$python" --version)"; \
	        exec "$$python" -m venv --clear .venv; \
	    fi; \
	done; \
	echo "tokentide needs Python 3.11 or newer with venv, and found none." >&2; \
	echo "Install it (on Debian and Ubuntu: apt-get install python3-venv), or say where it is: make setup PYTHON=/path/to/python3" >&2; \
	exit 1

.venv/.installed: .venv/bin/python pyproject.toml $(REQUIREMENTS)/build.txt $(REQUIREMENTS)/development.txt
	@echo "Installing what $(REQUIREMENTS)/development.txt pins; the first time takes some minutes"
	@$(INSTALL) --require-hashes --requirement $(REQUIREMENTS)/build.txt
	@$(INSTALL) --require-hashes --requirement $(REQUIREMENTS)/development.txt
	@$(INSTALL) --editable .
	@$(PIP) check
	@touch $@

# The requirement files. They keep the versions that they name already; `make lock UPGRADE=1` takes the newest.
UV_VERSION = 0.13.8
COMPILE = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
    --generate-hashes --no-header $(if $(UPGRADE),--upgrade)

lock: build/lock/uv-$(UV_VERSION) ## pin all dependencies again, after a change of pyproject.toml
	$(COMPILE) $(REQUIREMENTS)/build.in --output-file $(REQUIREMENTS)/build.txt
	$(COMPILE) pyproject.toml --all-extras --constraint $(REQUIREMENTS)/build.txt --output-file $(REQUIREMENTS)/development.txt
	$(COMPILE) pyproject.toml --constraint $(REQUIREMENTS)/development.txt --output-file $(REQUIREMENTS)/runtime.txt
	$(COMPILE) $(REQUIREMENTS)/bench.in --constraint $(REQUIREMENTS)/build.txt --output-file $(REQUIREMENTS)/bench.txt
	$(COMPILE) $(REQUIREMENTS)/release.in --constraint $(REQUIREMENTS)/build.txt --output-file $(REQUIREMENTS)/release.txt

build/lock/uv-$(UV_VERSION): .venv/bin/python
	.venv/bin/python -m venv --clear build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
	@touch $@
