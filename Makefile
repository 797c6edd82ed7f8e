# Entrepot's commands; `make` alone lists them. Needs Python 3.11 or newer, and git.
.DEFAULT_GOAL := help
.PHONY: help run test check format bench conformance soak lock clean
BIN := .venv/bin
ARGS ?=
# Test processes at once; JOBS=0 runs all in one process (for a debugger).
JOBS ?= 2
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --annotation-style line $(if $(UPGRADE),--upgrade)

help:
	@echo "make run     install what is missing, then serve on 127.0.0.1:3000   (ARGS='--port 3001 --workers 2')"
	@echo "make test    all tests, set-up included                               (ARGS='tests/kit -k sse', JOBS=0)"
	@echo "make check   lint, format, types, floors, house rules"
	@echo "make format  rewrite the code in the house's format"
	@echo "make bench   measurements as ratios against peers and limits          (ARGS='observe')"
	@echo "make conformance  the score of conversion between chat formats, over the recordings in ../shared"
	@echo "make soak    a thousand kills under load; other bad days, a long load (ARGS='--help')"
	@echo "make lock    write the lock files anew from pyproject.toml            (UPGRADE=1 takes newer versions)"
	@echo "make clean   remove the environment and caches; ./data stays"

run:
	@sh tools/venv.sh runtime
	@exec $(BIN)/entrepot serve $(ARGS)

test:
	@sh tools/venv.sh dev
	@sh tools/nginx.sh
	@$(BIN)/python -m pytest -n $(JOBS) $(if $(filter 0,$(JOBS)),,--dist loadfile) $(ARGS)

check:
	@sh tools/venv.sh dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m tools.house

format:
	@sh tools/venv.sh dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench:
	@sh tools/venv.sh dev
	@sh tools/nginx.sh
	@for file in $(or $(ARGS:%=bench/%.py),$$(grep -l '__main__' bench/*.py)); do \
		echo "== $$file"; PYTHONPATH=. $(BIN)/python $$file || exit 1; done

conformance:
	@sh tools/venv.sh dev
	@$(BIN)/python -m tests.dialects.crossing

soak:
	@sh tools/venv.sh dev
	@$(BIN)/python -m tests.e2e.soak $(ARGS)

lock:
	@sh tools/venv.sh dev
	$(LOCK) --group build --output-file requirements.lock
	$(LOCK) --group build --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +
