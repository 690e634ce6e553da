"""What algorithms share that hold a model against labelled polygons: to learn from them, or to be judged by them."""

from typing import Any, Dict, Optional, Tuple

from qgis.core import QgsProcessingParameterString

from ...engine.jobs.finetune import PolygonLayer
from ...engine.jobs.segment import DEFAULT_MODEL
from ..i18n import tr
from . import parameters as shared
from .job_algorithm import JobAlgorithm, pair_problem
from .model_choice import model_gsd
from .polygon_inputs import (
    AREA,
    FIELD,
    PlannedPolygons,
    add_label_parameters,
    plan_polygons,
    read_classes,
    ready_polygons,
)
from .region_parameters import is_given

NO_POLYGONS = PolygonLayer("")
"""In the place of those that are written when the job runs."""


class LabelledAlgorithm(JobAlgorithm):
    """An algorithm over two rasters, polygons that say what is there, and a model."""

    def __init__(self) -> None:
        super().__init__()
        self._polygons: Optional[PlannedPolygons] = None
        self._area: Optional[PlannedPolygons] = None

    def add_labelled_inputs(
        self, name: str, title: str, text: str, model: Tuple[QgsProcessingParameterString, str]
    ) -> None:
        """Add the rasters, the polygons under ``name``, and the model."""
        self.add(*shared.rgb(tr("A picture from above with red, green and blue bands.")))
        self.add(*shared.dsm(tr("Heights of roofs, trees and ground.")))
        add_label_parameters(self, name, title, text)
        self.add(*model)

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        problem = pair_problem(parameters)
        if problem:
            return False, problem
        ok, why = super().checkParameterValues(parameters, context)
        return bool(ok), str(why)

    def read_labelled(self, parameters: Dict[str, Any], name: str, context: Any) -> Dict[str, Any]:
        """Read polygons and plan rasters, in the main thread; return the fields that the jobs have in common."""
        field = self.parameterAsString(parameters, FIELD, context).strip()
        model = self.parameterAsString(parameters, shared.MODEL, context).strip() or DEFAULT_MODEL
        gsd = self.number(parameters, shared.GSD, context)
        self._polygons = plan_polygons(self, parameters, name, field, context)
        self._area = plan_polygons(self, parameters, AREA, "", context) if is_given(parameters, AREA) else None
        self.plan(parameters, context, {"rgb": shared.RGB, "dsm": shared.DSM}, gsd or model_gsd(model))
        return {
            "out": self.parameterAsString(parameters, shared.OUTPUT, context),
            "model": model,
            "field": field or None,
            "classes": read_classes(self, parameters, context),
            "gsd": gsd,
            "device": self.parameterAsString(parameters, shared.DEVICE, context) or "auto",
            "overwrite": self.parameterAsBool(parameters, shared.OVERWRITE, context),
        }

    def written_polygons(self) -> Tuple[PolygonLayer, Optional[PolygonLayer]]:
        """Write the polygons and the area beside the results, in any thread, and return them."""
        return ready_polygons(self._polygons, self._job.out) or NO_POLYGONS, ready_polygons(self._area, self._job.out)
