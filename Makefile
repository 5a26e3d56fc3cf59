# Everything from a bare checkout, with Python ≥ 3.11 and nothing else: `make help` lists what there is.
# Each target makes the environment it needs (.venv) from the hash-locked requirements, and is quick when nothing changed.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench truth openapi chart format
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# An environment of the caller's, or settings that point its tools elsewhere, must not decide where we install.
# (Names of package indexes, proxies and certificates stay: those are how this machine reaches its registry.)
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_VIRTUALENV
unexport UV_PROJECT UV_PROJECT_ENVIRONMENT UV_WORKING_DIR UV_PYTHON UV_SYSTEM_PYTHON UV_BREAK_SYSTEM_PACKAGES UV_TARGET UV_PREFIX
unexport UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE UV_EXCLUDE_NEWER UV_BUILD_CONSTRAINT UV_NO_VERIFY_HASHES UV_NO_BINARY UV_FROZEN UV_LOCKED

# The first Python that is new enough; say `make PYTHON=/path/to/python` to choose another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$python" && break; done
PYTHON ?= $(shell $(FIND_PYTHON))

BIN := .venv/bin
CODE := services/api/vigie services/agent/vigie_agent tests bench tools migrations
WITH_CODE = $(foreach folder,$(CODE),$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))
# One more than the two cores of the budget: while one test waits, two others work.
JOBS ?= 3
LOCKED := requirements/bootstrap.txt requirements/dev.txt

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PORT and VIGIE_DATA_DIR (demo) · ARGS and JOBS (test) · ONLY (bench) · PYTHON (which Python makes .venv)"

demo: .venv/ready ## a whole service with a simulated fleet and this machine's own agent; prints where to look
	@exec $(BIN)/vigie demo

test: .venv/ready ## every test, a real PostgreSQL included; ARGS="tests/rules -k backup" for some
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

check: .venv/ready ## format, lint, types, import contracts, stale documents, chart; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy --strict $(WITH_CODE)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m vigie.documents --check openapi
	$(BIN)/python tools/chart_check.py
	$(BIN)/python tools/messages.py --check

bench: .venv/ready ## the performance table of this machine; ONLY=P1 for one line of it
	@exec $(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

truth: .venv/ready ## a simulated year of 100 practices: which alerts were right, wrong, missed; ARGS="--seed 2 --days 30 --json"
	@exec $(BIN)/vigie truth $(ARGS)

openapi: .venv/ready ## write the generated documents of openapi/ anew
	$(BIN)/python -m vigie.documents openapi

chart: .venv/ready ## lint and render the Helm chart, validate every manifest
	$(BIN)/python tools/chart_check.py

format: .venv/ready ## let the formatter and the safe fixes of the linter have their way
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: $(LOCKED) services/api/pyproject.toml services/agent/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Vigie needs Python 3.11 or newer (make PYTHON=/path/to/python)" >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "making .venv with $(PYTHON)"; rm -rf .venv; \
		$(PYTHON) -m venv .venv || $(PYTHON) -m venv --without-pip --clear .venv; }
	@PYTHON="$(PYTHON)" sh tools/install
	@touch $@
