# Everything this project does to itself. Needs only python3 >= 3.11 with venv, make and git; touches
# nothing outside this folder.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-cache-dir -qq
# One stamp, with the tools for tests and checks in it: two kinds of environment in one folder would
# need an order between them, and the tools add seconds to the first run alone.
READY := $(VENV)/.ready

.PHONY: fuzz scores torture soak help demo test check bench bench-quick profile frontier kills clean

help:
	@echo 'make demo         crawl a site on this machine and compare three engines'
	@echo 'make test         run the tests'
	@echo 'make check        run the linters and the type checker'
	@echo 'make bench        compare with other clients; see benchmarks/README.md'
	@echo 'make bench-quick  have the hot paths become slower?'
	@echo 'make profile      where the time goes, stage by stage'
	@echo 'make fuzz         look for inputs that break a promise, a minute for each kind'
	@echo 'make scores       CRAWLER_SUITES=FOLDER: suites of others, how many cases agree'
	@echo 'make torture      every call that may fail fails in turn (EVERY=10: every tenth), half an hour'
	@echo 'make soak         twenty minutes of hostile and honest servers: memory, lag, rate'
	@echo 'make kills        kill -9 at random moments: nothing lost, no record twice'
	@echo 'make frontier     what a URL costs in a frontier of a million'
	@echo 'make clean        remove what the others made'

demo: $(READY)
	@$(BIN)/crawl demo

test: $(READY)
	$(BIN)/python -m pytest -q

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(WORK)

bench-quick: $(READY)
	$(BIN)/python benchmarks/quick.py

profile: $(READY)
	$(BIN)/python benchmarks/stages.py

fuzz: $(READY)
	cd tests && ../$(BIN)/python -m fuzz.fuzz $(TARGET)

scores: $(READY)
	cd tests && ../$(BIN)/python -m suites.scores

torture: $(READY)
	cd tests && ../$(BIN)/python -m faults.torture $(EVERY)

soak: $(READY)
	$(BIN)/python benchmarks/soak.py

kills: $(READY)
	$(BIN)/python benchmarks/kills.py

frontier: $(READY)
	$(BIN)/python benchmarks/frontier.py

# pip is given up on early and with the remedy: without ensurepip a venv has no pip. By `compat` the
# package is found through a .pth file, which type checkers of other programs follow, too.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'python3 3.11 or newer is needed' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo 'the venv module is missing: apt-get install python3-venv' >&2; exit 1; }
	@echo 'setting up $(VENV)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --config-settings editable_mode=compat \
		--editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) benchmarks/.venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache .coverage*
	find crawler tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
