# `make demo` profiles a first network, `make test` runs the whole suite. Both install into .venv on their own.
# With another Python: `make PYTHON=python3.12 test`. All paths are relative, so the folder's name may hold spaces.

.PHONY: demo test test-arm arm-possible clean
.NOTPARALLEL:

PYTHONS := $(PYTHON) python3.13 python3.12 python3.11 python3.10 python3
PY := .venv/bin/python
DEMO := reports/runs/demo

demo: .venv/.installed
	$(PY) -m effprof run --model mobilenetv2 --device cpu --output-dir $(DEMO)
	@echo "Charts: $(DEMO)/decomposition.png and $(DEMO)/decomposition.svg"

test: .venv/.installed-test
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest

# effprof on an emulated arm64 Debian, as root on another Linux: 45 minutes at most, see docs/arm.md.
test-arm: arm-possible .venv/.installed-test
	@PYTHONPATH=tests $(PY) -m arm

arm-possible:
	@sh tests/arm/possible.sh

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose Python is gone, or that belongs to a folder since moved or copied, loses its stamps here, before
# make looks at them.
USABLE := import importlib.util as u, os, sys; s = u.find_spec("effprof"); \
  sys.exit(not (s and os.path.samefile(s.origin, "effprof/__init__.py")))
ifneq ($(wildcard .venv/.installed),)
$(shell $(PY) -I -c '$(USABLE)' 2>/dev/null || rm -f .venv/.installed .venv/.installed-test)
endif

# A stamp comes after everything else, so an install that was cut short is begun again.
.venv/.installed: pyproject.toml constraints.txt
	@$(make_venv)
	@$(call install,.)
	@touch $@

.venv/.installed-test: pyproject.toml constraints.txt
	@$(make_venv)
	@$(call install,.[test])
	@touch .venv/.installed $@

define make_venv
if $(PY) -I -m pip --version >/dev/null 2>&1; then exit 0; fi; \
rm -rf .venv; \
for python in $(PYTHONS); do \
  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
    echo "Creating .venv with $$("$$python" --version)."; \
    exec "$$python" -m venv .venv; \
  fi; \
done; \
echo "effprof needs Python 3.10 or newer with its venv module (on Debian and Ubuntu: python3-venv)." >&2; \
echo "Tried: $(PYTHONS). Name another one: make PYTHON=/path/to/python3 ..." >&2; \
exit 1
endef

define install
echo "Installing into .venv. The first time this downloads torch and takes some minutes." && \
$(PY) -I -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable "$(1)"
endef
