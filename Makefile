.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV = $(BIN)/uv
SECONDS ?= 20
# Whatever the shell says, Python keeps what it compiled: tests start it some 200 times.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest
SIDE_BY_SIDE = --numprocesses auto --dist loadfile --no-loadscope-reorder

# What would lead recipes away from this folder, its modules, its lock and its environments.
unexport PYTHONSAFEPATH PIP_TARGET PIP_PREFIX PIP_DRY_RUN UV_PROJECT UV_LOCKED
.PHONY: another-python $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

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
	@$(PYTEST) $(SIDE_BY_SIDE) $(ARGS)

quick: setup ## Run the tests that need no embedded AWS and no patience
	@$(PYTEST) $(SIDE_BY_SIDE) -m "not slow" $(ARGS)

check: setup ## What CI runs: format, lint, types, hosted CI's workflow, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/zizmor --quiet --offline .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@if command -v actionlint; then actionlint; else echo "No actionlint here; .ci/run makes it where Go is"; fi
	$(PYTEST) $(SIDE_BY_SIDE)

matrix: setup ## Run the demo and the quick tests on each supported Python of this machine (ARGS=3.12)
	@$(BIN)/python -m tests.matrix $(ARGS)

explore: setup ## Explore every interleaving of additions and repairs in small scopes, with faults
	@$(BIN)/python -m tests.proofs.explorer $(ARGS)

conformance: setup ## Ask AWS's own DynamoDB (DynamoDB Local; takes a JDK 17 and Maven)
	@$(BIN)/python -m tests.conformance $(ARGS)

soak: setup ## Inject 10,000 faults and operate 70 histories on each of three seeds (ARGS="--faults 2000")
	@$(BIN)/python -m tests.proofs.soak $(ARGS)

mutants: setup ## Break the design on purpose, one way at a time; the tests must notice each
	@$(BIN)/python -m tests.proofs.mutants $(ARGS)

fuzz: setup ## Look for inputs that decoding cannot stand (SECONDS=3600 for an hour)
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

# What PYTHON is, asked when it matters; even Python 2 can answer. A Python that is named is the one
# that is used: where .venv is of another, it is made anew.
OLDEST = $(shell sed -n 's/^requires-python = ">=3\.\(.*\)"/\1/p' pyproject.toml)
ASK = import sys; v = sys.version_info; sys.stdout.write("version = %d.%d.%d" % v[:3] if v >= (3, $(OLDEST)) else "$(PYTHON) is Python %d.%d" % v[:2])
ANSWER = $(eval ANSWER := $(or $(shell "$(PYTHON)" -c '$(ASK)'),$(PYTHON) does not run))$(ANSWER)
ANOTHER_PYTHON = $(if $(filter file,$(origin PYTHON)),,$(shell echo '$(ANSWER)' | grep -qsxFf - .venv/pyvenv.cfg || echo another-python))

ready: .venv/ready .venv-embedded/ready ## Install what run, up and ./operate need, again only when uv.lock changes

setup: .venv/ready-for-tests .venv-embedded/ready-for-tests ## Install what tests, checks and benchmarks need, too

lock: .venv/uv ## Lock what pyproject.toml names, with hashes (ARGS=--upgrade renews what it leaves open)
	@$(UV) lock --quiet --python $(BIN)/python $(ARGS)
	@$(UV) export --quiet --frozen --no-annotate --only-group lambda --output-file requirements.txt

sbom: .venv/uv ## Make out/sbom.json (CycloneDX) of what ships to Lambda and what operates it (ARGS=--all-groups)
	@mkdir -p out
	@$(UV) export --quiet --frozen --format cyclonedx1.5 --no-default-groups --group run $(ARGS) --output-file out/sbom.json

# Makes an environment hold what uv.lock has for a group, nothing else.
SYNC = $(UV) export --quiet --frozen --only-group $(1) --output-file $(@D)/locked.txt >/dev/null && \
	$(UV) pip sync --quiet --require-hashes --python $(@D) $(@D)/locked.txt
# Modules are compiled when they are first imported: most of what is installed never is. What every
# verb imports is imported at once, as not every shell lets Python keep what it compiled.
COMPILE = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import boto3.dynamodb.types, chalice.cli, rich.live, rich.progress'

.venv/ready: uv.lock .venv/uv
	@$(call SYNC,run) && $(COMPILE) && touch $@

.venv-embedded/ready: uv.lock .venv/uv
	@$(UV) venv --quiet --clear --python $(BIN)/python $(@D) && $(call SYNC,embedded) && touch $@

.venv/ready-for-tests: .venv/ready
	@echo "Adding to $(@D) what tests need ..."
	@$(call SYNC,dev) && touch $@

.venv-embedded/ready-for-tests: .venv-embedded/ready
	@$(call SYNC,embedded-dev) && touch $@

# The environment itself, with the uv that installs the rest: the one that uv.lock has, by its hash.
# A Python that has pip need not install it first, which would take longer than all the rest.
.venv/uv: $(ANOTHER_PYTHON)
	$(if $(filter version,$(firstword $(ANSWER))),,$(error Game Scores needs Python 3.$(OLDEST) or later, but $(ANSWER): \
	choose another, e.g. `make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=/usr/bin/python3.12`))
	@echo "Setting up $(@D) ..."
	@rm -rf $(@D) .venv-embedded; if "$(PYTHON)" -c 'import pip' 2>/dev/null; \
	then "$(PYTHON)" -m venv --without-pip $(@D) && $(LOCKED_UV) | "$(PYTHON)" -m pip --python $(@D) $(INSTALL); \
	else "$(PYTHON)" -m venv $(@D) && $(LOCKED_UV) | $(BIN)/python -m pip $(INSTALL); fi && touch $@

INSTALL = --quiet --disable-pip-version-check install --no-user --no-compile --no-deps --only-binary :all: --require-hashes --requirement /dev/stdin
LOCKED_UV = sed -n '/^name = "uv"$$/,/^$$/ { s/^version = "\(.*\)"/uv==\1 \\/p; s/.*hash = "\([^"]*\)".*/ --hash=\1 \\/p; }' uv.lock
