# Two environments, so that neither spoils the other: .venv holds what `pip install lehr` brings, and no torch;
# .venv-dev holds the extras too. A stamp in each says when it was last installed; the demo, in a hurry, leaves the
# compiling of what it installs to the first import.

PYTHON ?= python3
LIGHT := .venv
DEV := .venv-dev
PASSAGE := examples/oliver_twist.txt

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check format docs dist clean

help:  ## say what can be made (the default)
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

demo: $(LIGHT)/installed  ## resolve a page of Dickens, in the terminal and as demo.html
	@$(LIGHT)/bin/lehr resolve $(PASSAGE) --format text
	@$(LIGHT)/bin/lehr resolve $(PASSAGE) --format html --output demo.html
	@echo && echo 'The same page, to open in a browser: demo.html'

test: $(DEV)/installed  ## run the tests; ARGS go to pytest
	@$(DEV)/bin/python -m pytest $(ARGS)

check: $(DEV)/installed  ## lint, formatting, types
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy

format: $(DEV)/installed  ## mend what can be mended by itself
	$(DEV)/bin/ruff check --fix
	$(DEV)/bin/ruff format

docs: $(DEV)/installed  ## build the site of the documentation, build/site/index.html
	$(DEV)/bin/mkdocs build --quiet

dist: $(DEV)/installed  ## build sdist and wheel into dist/, of the version that the git tag says
	$(DEV)/bin/python -m build

clean:  ## remove what was made
	rm -rf $(LIGHT) $(DEV) build dist demo.html

$(LIGHT)/installed: pyproject.toml constraints.txt $(shell find src -type f -not -name '*.pyc')
	@test -x $(LIGHT)/bin/python || $(PYTHON) -m venv $(LIGHT)
	@$(LIGHT)/bin/python -m pip install --quiet --no-compile -c constraints.txt .
	@touch $@

$(DEV)/installed: pyproject.toml constraints.txt
	@test -x $(DEV)/bin/python || $(PYTHON) -m venv $(DEV)
	@$(DEV)/bin/python -m pip install --quiet -c constraints.txt -e '.[train,serve,ray,docs,dev]'
	@touch $@
