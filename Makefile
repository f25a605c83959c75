# The gate. `make check` is what CI runs; ./dev set-up makes the environment it needs.
PYTHON ?= .venv/bin/python
SOURCES = packages test_servers tests benchmarks build_ext.py conftest.py

.PHONY: check format lint types imports c-warnings docs test fuzz clean

check: format lint types imports c-warnings docs

format:
	$(PYTHON) -m ruff format --check --diff .

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --no-incremental tests/typing
	$(PYTHON) -m pyright --pythonpath $(PYTHON)

imports:
	$(PYTHON) -m importlinter.cli lint --no-cache

c-warnings:
	$(PYTHON) build_ext.py --strict

docs:
	$(PYTHON) -m pytest -q tests/docs

test:
	$(PYTHON) -m pytest

fuzz:
	$(PYTHON) tests/fuzz/run.py --seconds 60

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find packages -name '*.so' -delete -o -name '*_abi.py' -delete
