# make quickstart   train, evaluate and draw on the embedded data set
# make test         run the tests
# make test-slow    run the slow tests too
# make lint         run ruff and mypy
# All of them make .venv first and skip what is done. PYTHON=/path/to/python3.11 chooses the interpreter.
# STACK=onedl takes the maintained fork of mmengine, mmcv and mmdet, in .venv-onedl, since both use the same import names.

SHELL := /bin/bash
STACK := openmmlab
VENV_openmmlab := .venv
VENV_onedl := .venv-onedl
VENV := $(VENV_$(STACK))
BIN := $(VENV)/bin
READY := $(VENV)/.$(STACK)
CONSTRAINTS := requirements/$(STACK).txt
# Files of tests on all cores, a thread each: detectors as tiny as theirs gain nothing by more.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint $(CONSTRAINTS)

ifeq ($(VENV),)
$(error STACK is openmmlab or onedl, not $(STACK))
endif

.PHONY: quickstart test test-slow lint setup

quickstart: setup
	$(BIN)/python tools/quickstart.py

test: setup
	$(PYTEST)

test-slow: setup
	$(PYTEST) -m 'slow or not slow'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(READY)

$(READY): pyproject.toml $(CONSTRAINTS) tools/setup/mmcv_wheel.py
	@echo 'imbdet: making $(VENV): torch (1 minute), mmcv (minutes, the first time), mmdet and imbdet'
	set -e; python=$$(tools/setup/find_python.sh); \
	test -x $(BIN)/python || $$python -m venv $(VENV)
	$(INSTALL) setuptools wheel ninja psutil torch torchvision
	set -e; wheel=$$($(BIN)/python tools/setup/mmcv_wheel.py $$(grep -o '^[a-z-]*mmcv==[^ ]*' $(CONSTRAINTS))); \
	$(INSTALL) $$wheel
	$(INSTALL) --editable '.[$(STACK),plots,tests,lint]'
	touch $@
