# Everything that a person or a machine does with this repository, by name.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell sed -n 's/^ *"\(torch==.*\)",/\1/p' pyproject.toml)
DEMO_STORE ?= demo-store

.PHONY: help demo check lint types rooms test install image chart linters lock clean

help:                     ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/pipeline    ## posts in, a bot and its card out: no account, no GPU, no cluster
	$(BIN)/htctl run harbourlamp --posts examples/posts/harbourlamp.jsonl.gz --base-model tiny --store $(DEMO_STORE)
	$(BIN)/htctl generate harbourlamp --prompt "The ferry" -n 5 --seed 1 --store $(DEMO_STORE)

check: lint types rooms test   ## everything that must hold: style, types, import rules, tests

lint: $(VENV)/dev         ## ruff: style, and that every file is formatted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev        ## mypy, strict on the source
	$(BIN)/mypy

rooms: $(VENV)/dev        ## who may import whom
	$(BIN)/lint-imports

test: $(VENV)/dev         ## pytest: three processes for two cores, then one for what shares a cluster
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not cluster"
	$(BIN)/python -m pytest -m cluster

install: $(VENV)/dev      ## a virtual environment with all of it

# torch comes first and by version alone, so that pip takes the build for this machine (CPU or CUDA);
# everything else by version and hash.
$(VENV)/pipeline: requirements/pipeline.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is too old: Python 3.11 is needed")'
	@echo "installing torch and all it needs into $(VENV): about 1.6 GB with the CPU build, some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/pipeline.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/dev: $(VENV)/pipeline requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	touch $@

image:                    ## the container's image, into dist/htctl-image.tar, and what is in it beside it
	docker/build dist/htctl-image.tar

linters: $(VENV)/dev $(VENV)/linters/done  ## other people's linters on chart, Dockerfile and workflows
	PATH="$(CURDIR)/$(VENV)/linters/bin:$$PATH" $(BIN)/python -m pytest tests/helm/htctl/test_linters.py

# checkov pins a lot, so these have an environment of their own.
$(VENV)/linters/done: requirements/lint.txt
	$(PYTHON) -m venv $(VENV)/linters
	$(VENV)/linters/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/lint.txt
	touch $@

chart: $(VENV)/dev        ## write the chart's README and schema anew from its values
	$(BIN)/python -m helm.schema
	$(BIN)/python -m helm.readme

lock: $(VENV)/dev         ## write requirements/ anew from pyproject.toml
	requirements/lock $(BIN)/uv

clean:                    ## remove what make made
	rm -rf $(VENV) $(DEMO_STORE) .mypy_cache .pytest_cache .ruff_cache
