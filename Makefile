# make demo   a tour of recordings/ in the window, or in the terminal, in a virtual environment of its own
# make test   all tests           make check   format, lint, strict types, import contracts
# make bench  how fast it is beside other libraries, which `make peers` installs in an environment of their own
PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
SOUND := libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils
WINDOW := libegl1 libgl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0 fonts-dejavu-core
BIN := $(VENV)/bin

.PHONY: demo system test check format peers bench clean

demo: $(VENV)/.installed
	$(BIN)/streamsnn demo

test: system $(VENV)/.installed-dev
	$(BIN)/python -m pytest

# What the tests of the microphone listen to, and what Qt draws with; without it those tests are skipped.
system:
	@command -v pulseaudio >/dev/null && command -v paplay >/dev/null && ldconfig -p | grep -q libportaudio.so.2 \
	  && ldconfig -p | grep -q libEGL.so.1 && ldconfig -p | grep -q libxkbcommon.so.0 && ldconfig -p | grep -q libGL.so.1 \
	  && ls /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(SOUND) $(WINDOW); } \
	  || echo 'Some tests will be skipped: sudo apt-get install $(SOUND) $(WINDOW)'

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

peers: $(PEERS)/.installed

bench: $(PEERS)/.installed
	$(PEERS)/bin/streamsnn bench

$(VENV)/bin/python $(PEERS)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'streamsnn needs Python 3.11 or newer: make PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && apt-get install -qy python3-venv; } \
	  || { echo 'Python cannot make virtual environments here: install the system package python3-venv'; exit 1; }
	$(PYTHON) -m venv $(patsubst %/bin/python,%,$@)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

# torch first: from then on nothing may replace it by another build, of which some are of several GB.
$(PEERS)/.installed: pyproject.toml streamsnn/bench/peers.txt streamsnn/bench/peers-alone.txt | $(PEERS)/bin/python
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check 'torch>=2.13,<2.14'
	$(PEERS)/bin/python -m pip freeze --exclude-editable | grep '^torch==' > $(PEERS)/torch.txt
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c $(PEERS)/torch.txt -e . \
	  -r streamsnn/bench/peers.txt
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r streamsnn/bench/peers-alone.txt
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
