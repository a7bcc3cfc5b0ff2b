# make demo | demo DATA=READER:PATH | test | test-slow | lint | bench | requirements
PYTHON ?= python3.11
BIN := .venv/bin

DATA ?= phantom:n=480,seed=7,size=128
READER := $(firstword $(subst :, ,$(DATA)))
SCALE ?= $(if $(filter phantom,$(READER)),quick,laptop)
RUN ?= runs/demo-$(READER)
# ImageNet weights for MobileNetV2; without them it trains from scratch and says so.
WEIGHTS ?= $(firstword $(wildcard ../shared/data/weights/mobilenet_v2*.h5))

export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-slow lint bench requirements

demo: .venv/.installed
	$(BIN)/python apps/run_recipe.py --recipe sn_gan_ensemble --scale $(SCALE) \
	  --data "$(DATA)" --run $(RUN) $(if $(WEIGHTS),--weights.MobileNetV2 $(WEIGHTS))

# Two processes; the tests of a file stay together, as they share what is slow to make.
test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/.installed
	$(BIN)/python -m pytest -m slow

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: .venv/.installed
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Remakes requirements.txt, the full pinned set, from the ranges in setup.cfg.
requirements: .venv/.installed
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q --upgrade --all-extras --strip-extras --no-header \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  -o requirements.txt setup.cfg

.venv/.installed: requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@
