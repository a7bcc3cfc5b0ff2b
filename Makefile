PYTHON ?= python3.11
BIN := .venv/bin

DATA ?= phantom:n=480,seed=7,size=128
READER := $(firstword $(subst :, ,$(DATA)))
RECIPE ?= keras_derm
SCALE ?= $(if $(filter phantom,$(READER)),quick,$(if $(filter keras_derm,$(RECIPE)),demo,laptop))
RUN ?= runs/demo-$(READER)$(if $(filter keras_derm,$(RECIPE)),,-$(RECIPE))
# ImageNet weights of MobileNetV2, by whose features made images are compared with real
# ones, and from which members of that network begin; without them by colours and textures,
# and from scratch.
WEIGHTS ?= $(firstword $(wildcard ../shared/data/weights/mobilenet_v2*.h5))

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow browser-test lint types docs requirements

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

demo: .venv/.installed ## every stage, to a report: DATA=READER:PATH, RUN, RECIPE, SCALE, WEIGHTS
	$(BIN)/python apps/run_recipe.py --recipe $(RECIPE) --scale $(SCALE) \
	  --data "$(DATA)" --run $(RUN) $(if $(WEIGHTS),--weights.MobileNetV2 $(WEIGHTS))

# Two processes; the tests of a file stay together, as they share what is slow to make,
# and long files come first (tests/conftest.py), not those of the most tests.
test: .venv/.installed ## the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: .venv/.installed ## tests that take minutes or run at full scale
	$(BIN)/python -m pytest -m slow

browser-test: .venv/.installed ## report and reader study in a browser, where chromium is
	$(BIN)/python -m pytest -m browser tests/report tests/reader_study

lint: .venv/.installed ## ruff: faults and form; imports point one way, in no circle
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache setup.cfg

types: .venv/.installed ## mypy: settings and run directories
	$(BIN)/mypy

docs: .venv/.installed ## the site, in build/site; a broken link is an error
	$(BIN)/mkdocs build --strict

# All but gpu, whose libraries are of no use where there is none. With hyphens: pip-compile
# passes over a name with an underscore and says nothing.
EXTRAS := runtime imagenet diffusion quantization tuning max-flow tensorboard parquet cluster \
  object-store test lint docs
requirements: .venv/.installed ## requirements.txt anew, from the ranges in setup.cfg
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q --upgrade $(EXTRAS:%=--extra %) --strip-extras --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  -o requirements.txt setup.cfg

.venv/.installed: requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@
