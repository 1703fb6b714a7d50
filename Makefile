# Needs Python 3.11+ and make. FFmpeg comes with imageio-ffmpeg, into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check slow bench docs format clean

demo: $(STAMP)
	$(BIN)/chainer demo -o demo
	$(BIN)/chainer verify demo

test: $(STAMP)
	$(BIN)/python -m pytest

check: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) docs
	$(MAKE) test

slow: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[faces]"
	$(BIN)/python -m pytest -m slow

# The site, in site/. A warning of mkdocs is an error (not with --quiet: then it counts none); the
# variable silences a notice about the future of the theme.
docs: $(STAMP)
	$(BIN)/python scripts/make_docs.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(STAMP)
	$(BIN)/python scripts/bench.py

format: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "chainer needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo build dist site
