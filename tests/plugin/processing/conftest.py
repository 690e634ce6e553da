"""Small engines for the algorithms."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "engine_link"))

from fake_engines import write_engine


@pytest.fixture
def engine_is(tmp_path, monkeypatch):
    """Return a function that lets every algorithm use an engine made of a script."""
    from ridgeline.plugin.engine_link import base_pythons  # noqa: F401  # the package must be there to be patched
    from ridgeline.plugin.engine_link.engine import Engine

    def use(body):
        python, main = write_engine(tmp_path / "engine ö", body)
        for name in ("job_algorithm", "engine_status"):
            module = f"ridgeline.plugin.processing.{name}"
            monkeypatch.setattr(f"{module}.ready_engine", lambda variables=None: Engine(python, main, variables or {}))
        monkeypatch.setenv("RIDGELINE_ENGINE_PYTHON", python)

    return use


@pytest.fixture
def run_algorithm(provider):
    """Return a function that runs one of our algorithms as the toolbox does and returns what it gave."""
    from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingFeedback, QgsProject

    class Feedback(QgsProcessingFeedback):
        def __init__(self):
            super().__init__(False)
            self.texts, self.warnings, self.errors, self.infos, self.percents = [], [], [], [], []
            self.progressChanged.connect(self.percents.append)

        def setProgressText(self, text):
            self.texts.append(text)

        def pushWarning(self, warning):
            self.warnings.append(warning)

        def pushInfo(self, info):
            self.infos.append(info)

        def reportError(self, error, fatalError=False):
            self.errors.append(error)

    def run(name, parameters, feedback=None):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"ridgeline:{name}")
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        feedback = feedback or Feedback()
        context.setFeedback(feedback)
        ok, problem = algorithm.checkParameterValues(parameters, context)
        if not ok:
            return problem, feedback, context
        results, ok = algorithm.run(parameters, context, feedback)
        return (results if ok else None), feedback, context

    run.Feedback = Feedback
    return run
