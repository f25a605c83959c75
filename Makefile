# `make check` is the gate without the tests, `make test` the tests; ./dev does the work and makes the environment that it needs.
CHECKS = format lint types imports c docs package

.PHONY: check test fuzz fuzz-c clean $(CHECKS)

check:
	./dev check

$(CHECKS):
	./dev check $@

test:
	./dev test

# a minute of random and mutated input for the parsers and the association; longer: ./dev python tests/fuzz/run.py --seconds N
fuzz:
	./dev python tests/fuzz/run.py --seconds 60

# the same for the C of the fast path, with libFuzzer and sanitizers; needs clang
fuzz-c:
	./dev python tests/fuzz/respond.py --seconds 60

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find packages '(' -name '*.so' -o -name '*_abi.py' ')' -delete
