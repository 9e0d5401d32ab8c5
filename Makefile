# make quickstart   train, evaluate and draw on the embedded data set
# make test         run the tests
# make test-slow    run the slow tests too
# make lint         run ruff and mypy
# All of them make .venv first and skip what is done. PYTHON=/path/to/python3.11 chooses the interpreter.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STACK := $(VENV)/.openmmlab

.PHONY: quickstart test test-slow lint setup

quickstart: setup
	$(BIN)/python tools/quickstart.py

test: setup
	$(BIN)/python -m pytest

test-slow: setup
	$(BIN)/python -m pytest -m 'slow or not slow'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(STACK)

$(STACK): pyproject.toml requirements/openmmlab.txt tools/setup/mmcv_wheel.py
	@echo 'imbdet: making $(VENV): torch (1 minute), mmcv (minutes, the first time), mmdet and imbdet'
	set -e; python=$$(tools/setup/find_python.sh); \
	test -x $(BIN)/python || $$python -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --constraint requirements/openmmlab.txt \
		setuptools wheel ninja psutil torch torchvision
	set -e; wheel=$$($(BIN)/python tools/setup/mmcv_wheel.py 2.1.0); \
	$(BIN)/python -m pip install --disable-pip-version-check --constraint requirements/openmmlab.txt $$wheel
	$(BIN)/python -m pip install --disable-pip-version-check --constraint requirements/openmmlab.txt \
		--editable '.[openmmlab,plots,tests,lint]'
	touch $@
