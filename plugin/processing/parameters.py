"""The parameters that several algorithms have, each named and explained once.

Every function returns a definition and its help, as `RidgelineAlgorithm.add` takes them.
"""

from typing import Any, Sequence, Tuple

from qgis.core import (
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs.segment import DEFAULT_MODEL
from ...engine.jobs.segment import LOOKS as NUMBERS_OF_LOOKS
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from .model_choice import model_hints

RGB, DSM, DSM_BAND, HEIGHT_UNIT = "RGB", "DSM", "DSM_BAND", "HEIGHT_UNIT"
MODEL, GSD, DEVICE, THREADS = "MODEL", "GSD", "DEVICE", "THREADS"
REGULARISE, MIN_AREA, MIN_CONFIDENCE = "REGULARISE", "MIN_AREA", "MIN_CONFIDENCE"
LOOKS = "LOOKS"
EXPORT_CAP_MB, OVERWRITE, OUTPUT = "EXPORT_CAP_MB", "OVERWRITE", "OUTPUT"

DEVICES = ("auto", "cpu", "cuda")
LOOK_CHOICES = ("auto", *map(str, NUMBERS_OF_LOOKS))
HEIGHT_UNITS = ("auto", "metre", "foot", "us-foot")

Defined = Tuple[Any, str]


def rgb(text: str) -> Defined:
    """An orthophoto, which may be left out."""
    return QgsProcessingParameterRasterLayer(RGB, tr("Orthophoto (RGB)"), optional=True), text


def dsm(text: str, optional: bool = True) -> Defined:
    """A surface model."""
    return QgsProcessingParameterRasterLayer(DSM, tr("Surface model (DSM)"), optional=optional), text


def height_band() -> Defined:
    """The band of the surface model that holds heights."""
    definition = QgsProcessingParameterBand(DSM_BAND, tr("Band of heights"), None, DSM, optional=True)
    return definition, tr("The band of the surface model that holds heights. Empty: the first.")


def height_unit() -> Defined:
    """The unit of the surface model's heights."""
    return (
        _choice(HEIGHT_UNIT, tr("Unit of heights"), HEIGHT_UNITS),
        tr("“auto” reads it from the file, and takes metres where the file does not say. Results are in metres."),
    )


def model(title: str, text: str) -> Defined:
    """A model of the library, by name."""
    definition = QgsProcessingParameterString(MODEL, title, DEFAULT_MODEL, optional=True)
    definition.setMetadata({"widget_wrapper": {"value_hints": model_hints()}})
    return definition, text


def gsd(text: str) -> Defined:
    """The size of a pixel on the ground to work at."""
    number = QgsProcessingParameterNumber.Double
    return QgsProcessingParameterNumber(GSD, tr("Metres per pixel"), number, optional=True, minValue=0.01), text


def device() -> Defined:
    """What computes."""
    return (
        _choice(DEVICE, tr("Computed by"), DEVICES),
        tr("“cpu”: the processor. “cuda”: an NVIDIA graphics card. “auto”: the card if the engine can use it."),
    )


def looks() -> Defined:
    """How often the model looks."""
    return (
        _choice(LOOKS, tr("Looks at each place"), LOOK_CHOICES),
        tr(
            "How often the model looks at each place, turned each time; the mean counts. More looks make fewer "
            "mistakes and take as many times longer. “auto”: what the model advises."
        ),
    )


def threads() -> Defined:
    """How much of the processor is used."""
    whole = QgsProcessingParameterNumber.Integer
    definition = QgsProcessingParameterNumber(THREADS, tr("Processor threads"), whole, optional=True, minValue=1)
    return definition, tr("How many to use; fewer leave more of the computer to other programs. Empty: all.")


def regularise(default: bool = True) -> Defined:
    """Whether outlines get straight walls."""
    definition = QgsProcessingParameterBoolean(REGULARISE, tr("Regular outlines"), default)
    return definition, tr("Straight walls and square corners where the data says so.")


def min_area(default: float = 10.0) -> Defined:
    """The smallest building that is kept."""
    number = QgsProcessingParameterNumber.Double
    definition = QgsProcessingParameterNumber(MIN_AREA, tr("Smallest building (m²)"), number, default, minValue=0.0)
    return definition, tr("Smaller ones are left out.")


def min_confidence() -> Defined:
    """How sure the model must be of a building that is kept."""
    number = QgsProcessingParameterNumber.Double
    definition = QgsProcessingParameterNumber(
        MIN_CONFIDENCE, tr("Least certainty of a building (0 to 1)"), number, optional=True, minValue=0, maxValue=1
    )
    return definition, tr("Less certain ones are left out; 0 keeps all. Empty: what the model advises.")


def export_cap() -> Defined:
    """How much may be written for a layer that is no file."""
    number = QgsProcessingParameterNumber.Double
    title = tr("Largest file for an online layer (MB)")
    return (
        QgsProcessingParameterNumber(EXPORT_CAP_MB, title, number, DEFAULT_CAP_MB, minValue=1),
        tr("A layer that is no local file (WMS, XYZ, database) is first written to one; larger ones are refused."),
    )


def overwrite(title: str = "", text: str = "") -> Defined:
    """Whether what is in the folder may be replaced."""
    definition = QgsProcessingParameterBoolean(OVERWRITE, title or tr("Replace results in the folder"), False)
    return definition, text or tr("Without it, a folder that holds the results of another run is left as it is.")


def _choice(name: str, title: str, words: Sequence[str]) -> Any:
    return QgsProcessingParameterEnum(name, title, list(words), defaultValue=words[0], usesStaticStrings=True)
