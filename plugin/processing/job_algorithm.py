"""What all algorithms share that give the engine a job: read layers and options, run, and name what was made."""

from dataclasses import replace
from typing import Any, Callable, ClassVar, Dict, Optional, Tuple

from ...engine.jobs import Result
from ..engine_link.engine import ready_engine
from ..engine_link.host import proxy_variables
from ..engine_link.run_job import run_job
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from .base import RidgelineAlgorithm
from .layer_inputs import PlannedInput, plan_input, ready_input
from .parameters import DSM, HEIGHT_UNIT, RGB
from .region_parameters import is_given
from .talk import FeedbackListener


class JobAlgorithm(RidgelineAlgorithm):
    """An algorithm whose work is one job of the engine.

    ``prepare_work`` sets the job without its rasters, and plans these; ``run_engine`` makes them ready and runs it.

    Attributes:
        KIND: the engine's command.
        PHASES: shares of the progress bar by the engine's phases; empty: each phase fills it.
    """

    KIND = ""
    PHASES: ClassVar[Dict[str, float]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._job: Any = None
        self._inputs: Dict[str, PlannedInput] = {}

    def add_options(self, *defined: Tuple[Any, str]) -> None:
        """Add parameters that have a good default."""
        for definition, text in defined:
            self.add(definition, text, advanced=True)

    def number(self, parameters: Dict[str, Any], name: str, context: Any) -> Optional[float]:
        """Return a number, or None where it was left empty."""
        return self.parameterAsDouble(parameters, name, context) if is_given(parameters, name) else None

    def whole(self, parameters: Dict[str, Any], name: str, context: Any) -> Optional[int]:
        """Return a whole number, or None where it was left empty."""
        return self.parameterAsInt(parameters, name, context) if is_given(parameters, name) else None

    def unit(self, parameters: Dict[str, Any], context: Any) -> Optional[str]:
        """Return the unit of heights that the user named, None where the file decides."""
        named = self.parameterAsString(parameters, HEIGHT_UNIT, context)
        return None if named in ("", "auto") else named

    def plan(
        self,
        parameters: Dict[str, Any],
        context: Any,
        names: Dict[str, str],
        gsd: float,
        region: Any = None,
        region_crs: Any = None,
    ) -> None:
        """Plan the rasters that were given, as files or to be written; to be called in the main thread.

        Args:
            parameters: of the algorithm.
            context: of the algorithm.
            names: of the parameters, by the job's field.
            gsd: metres per pixel at which a layer that is no file is written.
            region: geometry that bounds the job; None: whole layers.
            region_crs: its CRS.
        """
        self._inputs = {}
        for key, name in names.items():
            if is_given(parameters, name):
                layer = self.parameterAsRasterLayer(parameters, name, context)
                self._inputs[key] = plan_input(layer, (), None, region, region_crs, gsd, context, DEFAULT_CAP_MB)

    def run_engine(
        self,
        context: Any,
        feedback: Any,
        listener: Optional[FeedbackListener] = None,
        finish: Callable[[], bool] = lambda: False,
        **fields: Any,
    ) -> Tuple[Any, Result]:
        """Write what must be written, run the engine, and return the whole job and its result.

        Args:
            context: of the algorithm.
            feedback: of the algorithm.
            listener: who is told; None: the feedback alone.
            finish: whether the user asks for an early, good end.
            fields: of the job that are known only now.

        Raises:
            RidgelineError: what the engine answered, or why it did not.
            RuntimeError: if nothing was prepared.
        """
        if self._job is None:
            raise RuntimeError("work without prepare_work")
        ready = {key: ready_input(item, self._job.out, context, feedback) for key, item in self._inputs.items()}
        job = replace(self._job, **ready, **fields)
        listener = listener or FeedbackListener(feedback, self.PHASES)
        engine = ready_engine(proxy_variables())
        return job, run_job(engine, self.KIND, job, listener, feedback.isCanceled, finish=finish)


def pair_problem(parameters: Dict[str, Any]) -> str:
    """Return what is wrong with the choice of picture and surface model; empty if nothing is."""
    if is_given(parameters, RGB) or is_given(parameters, DSM):
        return ""
    return tr("Choose an RGB layer, a DSM layer, or both.")
