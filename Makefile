# Ridgeline: the commands of the project. `make` alone lists them. The scripts behind them are in tools/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
VENV_QGIS := .venv-qgis
SYSTEM_PYTHON := /usr/bin/python3
ENGINE_TESTS := tests/engine tests/tools tests/test_layers.py tests/test_house.py
PLUGIN_TESTS := tests/plugin

.PHONY: help env env-qgis demo qgis test test-engine test-plugin test-journeys lint format package bundle \
	requirements test-qgis-matrix benchmark-startup benchmark-preview benchmark-polygons faults pictures clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

env: $(VENV)/.stamp  ## the engine with its training set and the tools, in .venv
$(VENV)/.stamp: pyproject.toml tools/env.sh
	tools/env.sh

env-qgis: $(VENV_QGIS)/.stamp  ## pytest beside the distribution's QGIS (installed if missing), in .venv-qgis
$(VENV_QGIS)/.stamp: tools/env_qgis.sh
	tools/env_qgis.sh

demo:  ## run the main job inside QGIS on the sample area; results and a map in out/demo
	@tools/system.sh "qgis=/usr/bin/qgis" "python3-qgis=/usr/lib/python3/dist-packages/qgis/core/__init__.py" \
		"python3-venv=/usr/lib/python3*/ensurepip/__init__.py" "fonts-open-sans=/usr/share/fonts/truetype/open-sans/*.ttf"
	@$(SYSTEM_PYTHON) tools/demo.py

qgis:  ## open the QGIS desktop with the plugin and the sample area
	@tools/desktop.sh

test: env env-qgis  ## run every test: engine, plugin in a real QGIS, journeys through the real desktop
	@tools/test.sh

test-engine: env  ## run the engine's tests
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(VENV)/bin/python -m pytest $(ENGINE_TESTS)

test-plugin: env env-qgis  ## run the plugin's tests in a real QGIS, without a screen
	QT_QPA_PLATFORM=offscreen $(VENV_QGIS)/bin/python -m pytest $(PLUGIN_TESTS)

test-journeys: env env-qgis  ## run whole trips through the real desktop, on a virtual screen
	QT_QPA_PLATFORM=offscreen $(VENV_QGIS)/bin/python -m pytest tests/journeys

lint: env  ## check style, types, and security as the plugin repository does
	@tools/lint.sh

format: env  ## bring the code into the project's format
	$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

package:  ## build dist/ridgeline.zip, and check it against the plugin repository's rules
	@python3 tools/package.py

bundle: env  ## build dist/bundle: packages for machines without a network (OPTIONS="--system windows --python 3.12")
	@$(VENV)/bin/python tools/bundle.py $(OPTIONS)

requirements: env  ## pin and hash the packages in resources/requirements anew
	@$(VENV)/bin/python tools/requirements.py

test-qgis-matrix: env  ## run the plugin's tests with QGIS 3.22, 3.40, 3.44 and, for widgets, Qt 6
	@tools/matrix.sh

benchmark-startup:  ## measure in the real desktop how much the plugin adds to QGIS's start
	@$(SYSTEM_PYTHON) tests/journeys/benchmark_startup.py

benchmark-preview: env  ## measure in the real desktop how long the map's user waits for the preview
	@$(SYSTEM_PYTHON) tests/journeys/benchmark_preview.py

benchmark-polygons: env env-qgis  ## write 100,000 building polygons, and measure how QGIS opens, styles and draws them
	@$(VENV)/bin/ridgeline benchmark scale --only polygons-100k --folder out/scale
	@$(SYSTEM_PYTHON) tests/journeys/benchmark_polygons.py out/scale/polygons-100k/buildings.gpkg

faults: env  ## kill, starve and cheat the engine at random moments, and count what comes of it (about an hour)
	@$(VENV)/bin/python tests/engine/faults/disturb.py $(OPTIONS)

pictures: env  ## take the README's pictures anew, in the real desktop
	@$(SYSTEM_PYTHON) tests/journeys/take_pictures.py

clean:  ## remove what the commands have built, environments included
	rm -rf $(VENV) $(VENV_QGIS) .cache out dist build *.egg-info
