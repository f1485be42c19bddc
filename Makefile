.DEFAULT_GOAL := help
PYTHON ?= python3
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
BIN := .venv/bin
SECONDS ?= 20

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Deploy to an embedded AWS, send scores, compare every total (ARGS="--records 500")
	@$(BIN)/python -m operations demo $(ARGS)

up: setup ## The same, left running for other programs until Ctrl-C
	@$(BIN)/python -m operations up

package: setup ## Make out/sam.yaml and out/deployment.zip for CloudFormation (ARGS="--stage dev out")
	@$(BIN)/python -m operations package $(ARGS)

screens: setup ## Capture the screens of the README anew
	@$(BIN)/python -m operations screens docs/screens

test: setup ## Run every test
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## What CI runs: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

conformance: setup ## Ask AWS's own DynamoDB (DynamoDB Local; takes a JDK 17 and Maven)
	@$(BIN)/python -m tests.conformance $(ARGS)

soak: setup ## Inject 10,000 faults on each of three seeds (ARGS="--faults 2000 --on-the-wire")
	@$(BIN)/python -m tests.soak $(ARGS)

mutants: setup ## Break the design on purpose, one way at a time; the tests must notice each
	@$(BIN)/python -m tests.mutants $(ARGS)

fuzz: setup ## Look for inputs that de-aggregation cannot stand (SECONDS=3600 for an hour)
	@mkdir -p .local/fuzz
	@$(BIN)/python -m tests.fuzz_deaggregation -max_total_time=$(SECONDS) -artifact_prefix=.local/fuzz- .local/fuzz tests/corpus

bench: setup ## Measure everything beside its rivals, within ten minutes (ARGS="aggregator --quick")
	@$(BIN)/python -m benchmarks $(ARGS)

format: setup ## Put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environments and whatever a run left
	rm -rf .venv .venv-embedded .local out

setup: .venv/ready .venv-embedded/ready ## Make the two Python environments, again only when requirements change

.venv/ready: requirements.txt requirements-dev.txt
	@echo "Setting up .venv ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

.venv-embedded/ready: requirements-embedded.txt
	@echo "Setting up .venv-embedded ..."
	@$(PYTHON) -m venv --clear .venv-embedded
	@.venv-embedded/bin/python $(PIP_INSTALL) -r requirements-embedded.txt
	@touch $@
