.DEFAULT_GOAL := help
PYTHON ?= python3
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
BIN := .venv/bin
SECONDS ?= 20
PYTEST = $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ready ## Deploy to an embedded AWS, send scores, compare every total (ARGS="--records 500")
	@$(BIN)/python -m operations demo $(ARGS)

up: ready ## The same, left running for other programs until Ctrl-C
	@$(BIN)/python -m operations up

package: ready ## Make out/sam.yaml and out/deployment.zip for CloudFormation (ARGS="--stage dev out")
	@$(BIN)/python -m operations package $(ARGS)

book: setup ## Write the parts of README and docs/ that come from results and commands
	@$(BIN)/python -m cogapp -r --verbosity=1 README.md docs/*.md

screens: ready ## Capture the screens of docs/ anew
	@$(BIN)/python -m docs.capture_screens docs/screens

test: setup ## Run every test, side by side on the machine's cores
	@$(PYTEST) $(ARGS)

quick: setup ## Run the tests that need no embedded AWS and no patience
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

check: setup ## What CI runs: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST)

explore: setup ## Explore every interleaving of an addition's API calls in small scopes, with faults
	@$(BIN)/python -m tests.proofs.explorer $(ARGS)

conformance: setup ## Ask AWS's own DynamoDB (DynamoDB Local; takes a JDK 17 and Maven)
	@$(BIN)/python -m tests.conformance $(ARGS)

soak: setup ## Inject 10,000 faults on each of three seeds (ARGS="--faults 2000 --on-the-wire")
	@$(BIN)/python -m tests.proofs.soak $(ARGS)

mutants: setup ## Break the design on purpose, one way at a time; the tests must notice each
	@$(BIN)/python -m tests.proofs.mutants $(ARGS)

fuzz: setup ## Look for inputs that de-aggregation cannot stand (SECONDS=3600 for an hour)
	@mkdir -p .local/fuzz
	@$(BIN)/python -m tests.proofs.fuzz_deaggregation -max_total_time=$(SECONDS) -artifact_prefix=.local/fuzz- .local/fuzz tests/proofs/corpus

bench: setup ## Measure everything beside its rivals, within ten minutes (ARGS="aggregator --quick")
	@$(BIN)/python -m benchmarks $(ARGS)

format: setup ## Put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environments and whatever a run left, but not what Chalice has deployed to AWS
	rm -rf .venv .venv-embedded .local out .chalice/deployments .chalice/venv benchmarks/results/quick-*.json
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

ready: .venv/ready .venv-embedded/ready ## Install what run, up and ./operate need, again only when requirements change

setup: ready .venv/ready-for-tests .venv-embedded/ready-for-tests ## Install what tests, checks and benchmarks need, too

# Empty where PYTHON will do, else what it is; even Python 2 can answer.
UNFIT_PYTHON = $(shell $(PYTHON) -c '$(ASK_VERSION)' 2>/dev/null || echo "$(PYTHON) does not run")
ASK_VERSION = import sys; v = sys.version_info; sys.stdout.write("" if v >= (3, 11) else "$(PYTHON) is Python %d.%d" % v[:2])

# Begins a recipe that makes an environment; one that fails or is interrupted leaves none.
WHOLE = set -e; trap 'test -e $@ || rm -rf $(@D)' EXIT; trap 'exit 130' INT TERM
# Modules are compiled when they are first imported: most of what is installed never is. What every
# verb imports is imported at once, as not every shell lets Python keep what it compiled.
INSTALL = install --no-compile --requirement
COMPILE = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import boto3.dynamodb.types, chalice.cli, rich.live, rich.progress'

.venv/ready: requirements.txt requirements-run.txt
	$(if $(UNFIT_PYTHON),$(error Game Scores needs Python 3.11 or later, but $(UNFIT_PYTHON): \
	choose another, e.g. `make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=python3.12`))
	@echo "Setting up $(@D) ..."
	@$(WHOLE); rm -rf $(@D); $(PYTHON) -m venv $(@D); $(PIP) $(INSTALL) requirements-run.txt; \
	$(COMPILE); touch $@

.venv-embedded/ready: requirements-embedded.txt | .venv/ready
	@echo "Setting up $(@D) ..."
	@$(WHOLE); rm -rf $(@D); $(BIN)/python -m venv --without-pip $(@D); \
	$(PIP) --python $(@D) $(INSTALL) requirements-embedded.txt; touch $@

# Begins a recipe that adds what tests need. An environment that was added to before, in part or by
# other requirements, is made anew first. What runs goes on running where the addition fails.
ADD = set -e; if test -e $@; then rm -rf $(@D); $(MAKE) --no-print-directory $(@D)/ready; fi; \
	echo "Adding to $(@D) what tests need ..."; touch -t 197001020000 $@
.PRECIOUS: .venv/ready-for-tests .venv-embedded/ready-for-tests

.venv/ready-for-tests: .venv/ready requirements-dev.txt
	@$(ADD); $(PIP) $(INSTALL) requirements-dev.txt; touch $@

.venv-embedded/ready-for-tests: .venv-embedded/ready requirements-embedded-dev.txt
	@$(ADD); $(PIP) --python $(@D) $(INSTALL) requirements-embedded-dev.txt; touch $@
