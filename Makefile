# make play   the instrument, from a bare clone
# make test   the same, with the trainer, and all tests
# make soak   what takes longer than a test may
# make fuzz   hostile files, an hour for each reader (MINUTES=1: a minute)
# make reliability   docs/reliability.md anew: all that was tried (MODE=quick: in ten minutes)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MINUTES ?= 60
MODE ?= full

.PHONY: play test lint soak fuzz reliability clean

play: $(VENV)/.play
	$(BIN)/pianogenie play $(ARGS)

test: $(VENV)/.test lint
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

soak: $(VENV)/.test
	$(BIN)/python -m pytest -m soak --timeout 3600 $(ARGS)

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

reliability: $(VENV)/.fuzz
	$(BIN)/python tools/reliability.py --$(MODE) $(ARGS)

# Editable, so that what you change is what you play. Neither stamp needs the other.
$(VENV)/.play: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,dev]' -c constraints.txt
	touch $@ $(VENV)/.play

$(VENV)/.fuzz: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]' -c constraints.txt
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Pianogenie needs Python 3.10 or newer; name one: make PYTHON=python3.12 play" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
