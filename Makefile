# `make` installs everything into .venv and computes the paper's tables; `make test` runs the tests.
# `make help` lists the rest. Another Python: make PYTHON=/path/to/python3 (after `make clean`).

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 4
ARGS ?=

PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PINS := pyproject.toml constraints.txt

# Sums in one thread come out in one order, so that two runs give the same digits.
OMP_NUM_THREADS ?= 1
OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS OPENBLAS_NUM_THREADS

# The tests start Python some hundred times; without what was compiled each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# The date of files in wheels and source distributions: that of the last commit.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1580601600)
export SOURCE_DATE_EPOCH

.PHONY: paper pdf uncertainty test coverage mutants test-slow benchmark lint format types layers docs readme notebooks explorer wheels release refresh-constraints clean help
.NOTPARALLEL:

paper: $(VENV)/.paper  ## compute the tables of the paper into build/paper (the default)
	$(PY) -m bargaining_models.paper $(ARGS)

pdf: $(VENV)/.paper  ## set the paper with LaTeX: build/paper/manuscript.pdf
	$(PY) -m bargaining_models.paper.manuscript $(ARGS)

uncertainty: $(VENV)/.test  ## draw the headline a thousand times anew, and the worlds that claims are counted in; half an hour
	$(PY) -m bargaining_models.paper.draws --workers $(WORKERS) $(ARGS)

test: $(VENV)/.test  ## run the tests; ARGS="-k nash" picks some
	$(PY) -m pytest -q -n auto --maxprocesses $(WORKERS) $(ARGS)

coverage: $(VENV)/.test  ## run the tests and check that they reach 95% of every package
	@mkdir -p build
	$(PY) -m pytest -q -n auto --maxprocesses $(WORKERS) --cov --cov-report=json:build/coverage.json $(ARGS)
	$(PY) .ci/coverage_floor.py build/coverage.json

mutants: $(VENV)/.test $(VENV)/.mutants  ## change the code in 300 places, one at a time: some test has to fail each time
	$(PY) .ci/mutants.py $(ARGS)

test-slow: $(VENV)/.test $(VENV)/.slow  ## run the long searches
	$(PY) -m pytest -q -n auto --maxprocesses $(WORKERS) -m slow $(ARGS)

benchmark: $(VENV)/.test $(VENV)/.rivals  ## time ours against its rivals and print the ratios
	$(PY) -m pytest -q -m benchmark tests/benchmarks $(ARGS)

lint: $(VENV)/.lint  ## check style
	$(PY) -m ruff check
	$(PY) -m ruff format --check

format: $(VENV)/.lint  ## mend style
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

types: $(VENV)/.lint $(VENV)/.test  ## check types, of the packages and of what readers of the pages write
	$(PY) -m mypy
	$(PY) .ci/callers.py

layers: $(VENV)/.lint  ## check who imports whom
	$(VENV)/bin/lint-imports --no-logo

docs: $(VENV)/.docs  ## build the documentation into build/docs; a warning is an error
	$(PY) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet docs build/docs
	@echo "Open build/docs/index.html"

readme: $(VENV)/.paper  ## draw README's picture and compute its table
	$(PY) docs/_readme.py

notebooks: $(VENV)/.docs  ## run the notebooks and store what they show; ARGS names some
	$(PY) docs/_notebooks.py $(ARGS)

explorer: $(VENV)/.docs  ## write the explorer, a page for the browser, into build/explorer.html; ARGS=--compute computes its figures
	$(PY) docs/_explorer/build.py build/explorer.html $(ARGS)

wheels: $(VENV)/.release  ## build what a release consists of into dist, and check it: the sources and a wheel
	rm -rf dist
	$(PY) -m build --outdir dist . >/dev/null
	$(PY) -m twine check --strict dist/*
	$(PY) .ci/check_wheel.py dist/*.whl

release: $(VENV)/.release  ## wheels, and more checks: a clean environment, old and new packages, the pages; writes build/notes.md
	.ci/run release

$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: there is no $(PYTHON). Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: bargaining needs Python 3.11 or newer, and $(PYTHON) is not. Name one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments: install python3-venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing into $(VENV); the first time takes a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) 'pip>=25.1'
	@touch $@

$(VENV)/.paper: $(VENV)/.created $(PINS)
	$(PIP_INSTALL) --editable '.[paper]'
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.rivals $(VENV)/.slow $(VENV)/.release $(VENV)/.mutants: $(VENV)/.%: $(VENV)/.paper $(PINS)
	$(PIP_INSTALL) --group $*
	@touch $@

# The oldest Python decides, since a version that still supports it has wheels for the newer ones as a rule;
# the dry runs check the rule.
refresh-constraints:  ## pin the newest versions that work; needs PYTHON=python3.11
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "make: pins are chosen with the oldest supported Python: make refresh-constraints PYTHON=python3.11" >&2; exit 1; }
	rm -rf build/pins && mkdir -p build && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --upgrade pip
	build/pins/bin/python -m pip install --quiet --editable '.[paper]' --group dev --group rivals --group slow --group mutants
	{ sed -n '/^#/p' constraints.txt; \
	  build/pins/bin/python -m pip freeze --all --exclude-editable --exclude setuptools; } > build/pins/constraints.txt
	for version in 3.12 3.13 3.14; do \
	  build/pins/bin/python -m pip install --quiet --dry-run --no-deps --only-binary=:all: \
	    --python-version $$version --target build/pins/none --requirement build/pins/constraints.txt || exit 1; \
	done
	mv build/pins/constraints.txt constraints.txt && rm -rf build/pins

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-20s %s\n", $$1, $$2 }'
