# The build's commands. What each does is a script under scripts/, which says more.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV ?= .venv
# Empty: the newest that is found.
PYTHON ?=
REQUIREMENTS ?= requirements/test.txt
PYTHONS ?=
DURATION ?= 10m
TESTS ?=
CELLS ?= 200000
EXAMPLES ?= 100
FUZZTIME ?= 1m

.PHONY: help venv build install install-all wheel run test test-workloads test-clusters test-wheels test-page picture gallery bench stress asan fuzz soak schemathesis regression lint clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

venv: ## make .venv with IPython and what tests need [PYTHON=3.12 or a path, VENV=.venv]
	@scripts/bootstrap
	@scripts/make-venv "$(VENV)" "$(PYTHON)" "$(REQUIREMENTS)"

build: ## leave build/mrmd-python, linked to the Python of a venv [VENV=.venv]
	@scripts/bootstrap
	@scripts/default-venv "$(VENV)"
	@scripts/build-binary "$(VENV)" build/mrmd-python

install: ## build for a venv and put the binary at VENV/bin/mrmd-python (VENV=DIR)
	@scripts/bootstrap
	@scripts/default-venv "$(VENV)"
	@scripts/build-binary "$(VENV)" "$(VENV)/bin/mrmd-python"

install-all: ## build mrmd-python-cp312 and the like for every Python found, beside build/mrmd-python
	@scripts/bootstrap
	@scripts/build-all build

wheel: ## build a wheel for every Python found, or one, in dist/ [PYTHON=3.12 or a path]
	@scripts/bootstrap
	@scripts/build-wheels dist "$(PYTHON)"

run: build ## build, start a runtime and run examples/tour.md through it
	@scripts/tour "$(VENV)"

test: ## test with every Python found, then lint [PYTHONS="3.11 3.12"]
	@scripts/test $(PYTHONS)

test-workloads: ## run real libraries in cells, as `make test` does, with one Python
	@scripts/test-workloads

test-clusters: ## run Dask and Ray in cells, as docs/scaling.md shows
	@REQUIREMENTS=requirements/clusters.txt GOTESTSUM_FORMAT=testname GOTESTFLAGS="-tags=clusters -run Guide|Clusters" \
		scripts/test-workloads ./internal/workloads/processes

test-wheels: ## build, install and try the wheel of every Python found
	@scripts/test-wheels

test-page: ## use the notebook page in a headless Chromium, with pictures in build/screenshots
	@scripts/test-page

picture: ## take the README's picture of the page, docs/images/page.png
	@scripts/picture

gallery: ## run examples/gallery.md and write what came out to docs/gallery.md
	@scripts/gallery

stress: ## threads, forks, interrupts and requests at once, with a report [DURATION=10m]
	@scripts/stress "$(DURATION)"

asan: ## test cpython and interp with AddressSanitizer in the C code [VENV=.venv]
	@scripts/bootstrap
	@scripts/default-venv "$(VENV)"
	@scripts/asan "$(VENV)"

fuzz: ## run each fuzz target for a time [VENV=.venv, FUZZTIME=1m]
	@scripts/bootstrap
	@scripts/default-venv "$(VENV)"
	@scripts/fuzz "$(VENV)" "$(FUZZTIME)"

regression: ## CPython's and IPython's tests in plain Python and in cells [VENV=.venv, TESTS="test_signal ipython"]
	@scripts/default-venv "$(VENV)"
	@scripts/build-binary "$(VENV)" build/regression/mrmd-python
	@"$(VENV)/bin/python" scripts/regression build/regression/mrmd-python "$(VENV)" $(TESTS)

bench: ## measure beside IPython, mrmd-python 0.4.2 and ipykernel; write docs/benchmarks.md
	@scripts/bench --json build/bench/results.json --docs docs

soak: build ## run a day's cells and print how memory, descriptors and threads go [CELLS=200000]
	@CELLS="$(CELLS)" scripts/soak build/mrmd-python "$(VENV)"

schemathesis: build ## try the whole API as /openapi.json describes it [EXAMPLES=100]
	@EXAMPLES="$(EXAMPLES)" scripts/schemathesis build/mrmd-python "$(VENV)"

lint: ## gofmt, go vet, staticcheck, ruff
	@scripts/bootstrap
	@scripts/default-venv "$(VENV)"
	@scripts/lint "$(VENV)"

clean: ## remove what was built; the venvs and tools stay
	@rm -rf build
