# make nightly: set up and run a night with embedded defaults. make test: set up and run the tests. make help: all targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV ?= .venv
VAR := var
IVY_SETTINGS ?= conf/ivysettings.xml
OPTIONS ?=
NAME ?=
# Each test worker has its own Spark session, which takes 2 GB.
WORKERS ?= 2

BIN := $(VENV)/bin
export PYSPARK_PYTHON := $(CURDIR)/$(BIN)/python
export PATH := $(CURDIR)/$(BIN):$(PATH)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
JARS := $(VAR)/jars
S3_JARS := $(VAR)/jars-s3
DECLARED := setup.py pyproject.toml $(wildcard conf/*.py schemas/*.py expectations/*.py jobs/__init__.py)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

doctor: ## check that this machine has what fabyield needs
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "fabyield needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1); install it, or: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "fabyield needs Python's venv module (Debian: apt install python3-venv)" >&2; exit 2; }
	@java=$${JAVA_HOME:+$$JAVA_HOME/bin/}java; found=$$($$java -version 2>&1 | sed -nE '1,3s/.* version "([0-9]+).*/\1/p' || true); \
	  [ "$${found:-0}" -ge 17 ] || { \
	  echo "fabyield needs Java 17 or newer, but '$$java' is $${found:-missing}; install it (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME" >&2; exit 2; }

setup: doctor $(VENV)/.ready $(JARS)/.ready ## install what the night needs into .venv and var/jars

nightly: setup landing ## set up and run a night with embedded defaults (OPTIONS="--lake DIR ..." are passed on)
	@spark-submit jobs/nightly.py $(OPTIONS)

# Move the files into place last, so that a landing zone with files is complete.
landing: setup ## fill the landing zone and the factory database if they are missing
	@[ -n "$$(ls -A $(VAR)/landing/stdf 2>/dev/null)" ] || { rm -rf $(VAR)/filling && \
	  $(BIN)/fabsim --out $(VAR)/filling --scenario bad_chamber --nights 4 --lots-per-night 3 && \
	  mkdir -p $(VAR)/filling/landing/stdf/real $(VAR)/landing/stdf && cp -p tests/data/stdf/*.stdf.gz $(VAR)/filling/landing/stdf/real && \
	  rm -rf $(VAR)/truth && mv $(VAR)/filling/truth $(VAR)/filling/fab.db $(VAR) && rmdir $(VAR)/landing/stdf && mv $(VAR)/filling/landing/* $(VAR)/landing; }

picture: ## take the screenshot of the last night's page for README; needs chromium
	@sed 's|$(CURDIR)/||g' $(VAR)/report.html > $(VAR)/page.html && \
	  chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,1290 --screenshot=docs/page.png file://$(CURDIR)/$(VAR)/page.html

test: test-setup ## set up and run the tests (OPTIONS="-k name" are passed on)
	@$(PYTEST) -m "not soak" $(OPTIONS)

test-quick: doctor $(VENV)/.dev-ready ## run the tests that need neither Spark nor a server, for daily work
	@$(PYTEST) -m "not soak and not slow and not spark" $(OPTIONS)

soak: test-setup ## run all tests, with every kill, race, damage and dirty night that `make test` only samples
	@$(PYTEST) $(OPTIONS)

test-setup: doctor $(VENV)/.dev-ready $(JARS)/.ready $(S3_JARS)/.ready $(VAR)/s3-venv/.ready

fuzz: doctor $(VENV)/.dev-ready ## read 100,000 damaged STDF files (OPTIONS="--count 500 --seed 7" are passed on)
	@$(BIN)/python -m tests.fuzz $(OPTIONS)

# The fuzzer's memory grows with each run, so do a few thousand; the next call continues from what this one found.
fuzz-guided: doctor $(VENV)/.dev-ready ## search for input that breaks the STDF reader, guided by coverage (OPTIONS="-runs=500")
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install -q --disable-pip-version-check -e '.[fuzz]'
	@mkdir -p $(VAR)/fuzz && $(BIN)/python -m tests.fuzz.fuzz_stdf -runs=3000 -rss_limit_mb=4096 -max_len=2000 -timeout=20 $(OPTIONS) $(VAR)/fuzz tests/fuzz/corpus

lint: doctor $(VENV)/.dev-ready ## run ruff, and mypy --strict on lib and jobs
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/.dev-ready $(JARS)/.ready $(VAR)/bench-venv/.ready ## run all benchmarks, or NAME=stdf, join, queries, validate, night, history, simulate (OPTIONS="--help" are passed on)
	@$(BIN)/python -m benchmarks $(NAME) $(OPTIONS)

lineage: doctor $(VENV)/.ready ## draw the steps of the night as docs/lineage.svg
	@$(BIN)/fabyield lineage --svg docs/lineage.svg

tables: doctor $(VENV)/.ready ## write docs/tables.md from schemas/
	@$(BIN)/fabyield tables --markdown docs/tables.md

package: doctor $(VENV)/.ready ## build the wheel and the zip for spark-submit --py-files
	@rm -rf build dist && $(BIN)/pip wheel -q --no-deps -w dist . && rm -rf build lib/*.egg-info && cp dist/fabyield-*.whl dist/fabyield.zip && ls dist

lock: $(VENV)/.dev-ready ## update the lock files from setup.py
	@$(BIN)/pip install -q uv && for extra in "" dev; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  $${extra:+--extra $$extra -c requirements.lock} setup.py -o requirements$${extra:+-$$extra}.lock; done

clean: ## remove everything built, installed and run here
	rm -rf $(VENV) $(VAR) build dist .mypy_cache .ruff_cache .pytest_cache lib/*.egg-info; find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.ready: requirements.lock $(DECLARED)
	@echo "setting up $(VENV) (a minute or two the first time)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev-ready: requirements-dev.lock $(VENV)/.ready
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Packages that benchmarks compare with stay out of fabyield's environment.
$(VAR)/bench-venv/.ready: benchmarks/requirements.txt $(VENV)/.ready
	@echo "setting up $(VAR)/bench-venv"
	@mkdir -p $(VAR) && $(BIN)/python -m venv $(VAR)/bench-venv
	@$(VAR)/bench-venv/bin/pip install -q --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

# Spark's resolver fetches the jars once; after that, spark-submit in this environment finds them through its defaults.
$(JARS)/.ready: conf/jars.txt $(IVY_SETTINGS) conf/spark-defaults.conf $(VENV)/.ready
	@echo "fetching Delta Lake's and the JDBC jars into $(JARS)"
	@mkdir -p $(JARS) $(VAR)/log && rm -f $(JARS)/*.jar
	@spark-submit --conf spark.jars.ivy="$(CURDIR)/$(VAR)/ivy" --conf spark.jars.ivySettings=$(IVY_SETTINGS) \
	  --packages "$$(grep -v '^#' conf/jars.txt | paste -sd,)" jobs/__init__.py > $(VAR)/log/jars.log 2>&1 \
	  || { tail -n 5 $(VAR)/log/jars.log >&2; echo "the jars could not be fetched: is Maven Central, or a mirror named in IVY_SETTINGS, within reach?" >&2; exit 1; }
	@for jar in $$(grep -v '^#' conf/jars.txt); do IFS=: read -r group name version <<< "$$jar"; \
	  cp "$(VAR)/ivy/jars/$${group}_$$name-$$version.jar" $(JARS)/; done
	@$(BIN)/python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "conf")' > $(JARS)/.spark-conf
	@mkdir -p "$$(cat $(JARS)/.spark-conf)" && sed "s|@jars@|$(CURDIR)/$(JARS)|" conf/spark-defaults.conf > "$$(cat $(JARS)/.spark-conf)/spark-defaults.conf"
	@cp conf/log4j2.properties "$$(cat $(JARS)/.spark-conf)/"
	@touch $@

$(VAR)/s3-venv/.ready: tests/requirements-s3.txt $(VENV)/.ready
	@echo "setting up $(VAR)/s3-venv"
	@mkdir -p $(VAR) && $(BIN)/python -m venv $(VAR)/s3-venv
	@$(VAR)/s3-venv/bin/pip install -q --disable-pip-version-check -r tests/requirements-s3.txt
	@touch $@

# Kept apart: they are large, and a night with embedded defaults does not need them.
$(S3_JARS)/.ready: conf/jars-s3.txt $(IVY_SETTINGS) $(VENV)/.ready
	@echo "fetching the jars of the object store into $(S3_JARS) (600 MB, for tests)"
	@rm -rf $(S3_JARS) $(VAR)/ivy-s3 && mkdir -p $(S3_JARS) $(VAR)/log
	@spark-submit --conf spark.jars.ivy="$(CURDIR)/$(VAR)/ivy-s3" --conf spark.jars.ivySettings=$(IVY_SETTINGS) \
	  --packages "$$(grep -v '^#' conf/jars-s3.txt | paste -sd,)" jobs/__init__.py > $(VAR)/log/jars-s3.log 2>&1 \
	  || { tail -n 5 $(VAR)/log/jars-s3.log >&2; echo "the jars of the object store could not be fetched: is Maven Central, or a mirror named in IVY_SETTINGS, within reach?" >&2; exit 1; }
	@mv $(VAR)/ivy-s3/jars/*.jar $(S3_JARS) && rm -rf $(VAR)/ivy-s3
	@touch $@

.PHONY: help doctor setup nightly landing picture test test-quick test-setup soak fuzz fuzz-guided bench lint lineage tables package lock clean
