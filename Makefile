# Everything a newcomer or CI calls. Needs Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES = domain workflows activities adapters workers starters simulators benchmarks

# Proofs, part after part: what has short days waits in vain on a machine that is busy with others.
PROOFS = $(BIN)/pytest -p report --kept var/chaos.json -m proof -n auto --maxprocesses 4 --dist loadfile
DEMO = tests/starters/test_cli_demo.py
HEAVY = tests/crashes/test_matrix.py tests/chaos/test_soak.py

.PHONY: demo test chaos fuzz bench lint clean lock install

demo: install ## the main job, live: make demo, or make demo KEEP=1 to look around afterwards
	@$(BIN)/diploma demo $(if $(KEEP),--keep)

test: install ## two at a time or more: most of a case's time is waiting
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

chaos: export PYTHONPATH := tests/chaos
chaos: export CHAOS_SEED ?= $(shell date +%s)
chaos: install ## all faults with real parts, written to docs/reliability.md; again: make chaos CHAOS_SEED=...
	@rm -f var/chaos.json
	@failed=; \
	for part in "$(patsubst %,--ignore=%,$(DEMO) $(HEAVY))" "$(DEMO)" "$(HEAVY)"; do \
		$(PROOFS) $$part || failed=1; \
	done; \
	test -z "$$failed"

fuzz: export PYTHONPATH := tests
fuzz: install ## all property tests with more and more examples: make fuzz FUZZ_MINUTES=60
	$(BIN)/pytest -p fuzzing --fuzz-minutes $(or $(FUZZ_MINUTES),10) -p no:xdist -q

bench: install ## the product beside plain Temporal code, 20 minutes; for a look: make bench BENCH=quick
	$(BIN)/python -m benchmarks $(if $(BENCH),--$(BENCH))

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests scripts benchmarks

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q $(PACKAGES) # some environments forbid Python to do so at run time
	@touch $@

lock: ## pin the newest versions of what pyproject.toml asks for; needs uv
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --extra dev --upgrade --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
