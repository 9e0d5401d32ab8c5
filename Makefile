# make quickstart   train, evaluate and draw on the embedded data set
# make test         run the tests
# make test-slow    run the slow tests too
# make lint         run ruff and mypy
# All of them make .venv first and skip what is done. PYTHON=/path/to/python3.11 chooses the interpreter. Also, each with an
# environment of its own:
# OPS=compiled      build mmcv's operations for the installed torch (C++, minutes); else imbdet.mmcv_ops has them
# STACK=onedl       the maintained fork of mmengine, mmcv and mmdet, which uses the same import names
# TORCH=newest      the newest torch on the package index, not the one that our measurements were made with

SHELL := /bin/bash
STACK := openmmlab
OPS := torchvision
TORCH := pinned

CONSTRAINTS_openmmlab_pinned := requirements/openmmlab.txt
CONSTRAINTS_openmmlab_newest := requirements/newest.txt
CONSTRAINTS_onedl_pinned := requirements/onedl.txt
CONSTRAINTS := $(CONSTRAINTS_$(STACK)_$(TORCH))
ifeq ($(CONSTRAINTS),)
$(error STACK is openmmlab or onedl and TORCH is pinned or newest (newest with openmmlab only), not $(STACK) and $(TORCH))
endif

SUFFIX_onedl := -onedl
SUFFIX_compiled := -compiled
SUFFIX_newest := -newest
ifeq ($(filter $(OPS),torchvision compiled),)
$(error OPS is torchvision or compiled, not $(OPS))
endif
VENV := .venv$(SUFFIX_$(STACK))$(SUFFIX_$(OPS))$(SUFFIX_$(TORCH))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Files of tests on all cores, a thread each: detectors as tiny as theirs gain nothing by more.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint $(CONSTRAINTS)
EXTRAS := plots,tests,lint
# The extra openmmlab brings mmcv-lite, which must not be laid over a compiled mmcv.
STACK_torchvision := --editable '.[$(STACK),$(EXTRAS)]'
STACK_compiled := mmengine mmdet setuptools --editable '.[$(EXTRAS)]'
ifeq ($(STACK),onedl)
STACK_compiled := $(STACK_torchvision)
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
	@echo 'imbdet: making $(VENV): torch, mmdet and imbdet (2 minutes, of which most is the download of torch)'
	set -e; python=$$(tools/setup/find_python.sh); \
	test -x $(BIN)/python || $$python -m venv $(VENV)
ifeq ($(OPS),compiled)
	$(INSTALL) setuptools wheel ninja psutil torch torchvision
	set -e; wheel=$$($(BIN)/python tools/setup/mmcv_wheel.py $$(grep -oE '^(onedl-)?mmcv==[^ ]*' $(CONSTRAINTS))); \
	$(INSTALL) $$wheel
else
	@# An environment of an earlier imbdet may hold a compiled mmcv, over which mmcv-lite must not be laid.
	! $(BIN)/python -m pip show --quiet mmcv 2>/dev/null || $(BIN)/python -m pip uninstall --yes mmcv
endif
	MMCV_WITH_OPS=0 $(INSTALL) $(STACK_$(OPS))
	touch $@
