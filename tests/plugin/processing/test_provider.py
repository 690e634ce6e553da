"""The provider as QGIS sees it: ids, parameters, help, flags."""

import pytest
from qgis.core import QgsApplication

EXPECTED = {"segment", "groundheights", "buildings", "finetune", "evaluate", "enginestatus", "enginesetup"}


def test_every_published_algorithm_is_registered(provider):
    assert EXPECTED <= {algorithm.name() for algorithm in provider.algorithms()}
    for name in EXPECTED:
        assert QgsApplication.processingRegistry().createAlgorithmById(f"ridgeline:{name}") is not None


def test_every_parameter_and_algorithm_has_help(provider):
    for algorithm in provider.algorithms():
        assert len(algorithm.shortHelpString()) > 40
        assert algorithm.shortDescription()
        for definition in algorithm.parameterDefinitions():
            assert definition.help(), f"{algorithm.id()}:{definition.name()}"
            assert definition.name() == definition.name().upper()


@pytest.mark.parametrize("name", ["segment", "groundheights", "buildings"])
def test_the_working_algorithms_fit_into_models_batches_and_threads(provider, name):
    from qgis.core import QgsProcessingAlgorithm as Algorithm

    flags = QgsApplication.processingRegistry().createAlgorithmById(f"ridgeline:{name}").flags()
    assert flags & Algorithm.FlagSupportsBatch
    assert not flags & Algorithm.FlagHideFromModeler
    assert not flags & Algorithm.FlagNoThreading


def test_outputs_have_types_that_other_algorithms_take(provider):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("ridgeline:segment")
    types = {output.name(): output.type() for output in algorithm.outputDefinitions()}
    assert types["BUILDINGS"] == "outputVector"
    assert types["ROOF_CLASS"] == types["LAND_COVER"] == types["HEIGHT_ABOVE_GROUND"] == "outputRaster"
    assert types["OUTPUT"] == "outputFolder" and types["BUILDING_COUNT"] == "outputNumber"


def test_a_run_can_be_repeated_from_the_history(provider, tmp_path):
    from qgis.core import QgsProcessingContext

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("ridgeline:segment")
    text = algorithm.asPythonCommand({"RGB": "/a b/ortho é.tif", "OUTPUT": str(tmp_path)}, QgsProcessingContext())
    assert "ridgeline:segment" in text and "/a b/ortho é.tif" in text


def test_a_model_runs_ground_and_outlines_in_turn(provider, engine_is, run_algorithm, tmp_path):
    """A model of the designer: heights of one child are the input of the next."""
    from qgis.core import (
        QgsProcessingContext,
        QgsProcessingFeedback,
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelParameter,
        QgsProcessingParameterRasterLayer,
    )

    from ridgeline.plugin.paths import SAMPLES

    engine_is(
        f"""
        data = job()
        name = sys.argv[1]
        if name == "ground":
            say("result", outputs={{"ground": {str(SAMPLES / "herault_dsm.tif")!r}}}, summary={{}})
        else:
            say("result", outputs={{"buildings": data["classes"]["path"]}}, summary={{"buildings": 7}})
        """
    )
    model = QgsProcessingModelAlgorithm("roofs", "tests")
    model.addModelParameter(QgsProcessingParameterRasterLayer("DSM", "DSM"), QgsProcessingModelParameter("DSM"))
    Source = QgsProcessingModelChildParameterSource
    first = QgsProcessingModelChildAlgorithm("ridgeline:groundheights")
    first.setChildId("ground")
    first.addParameterSources("DSM", [Source.fromModelParameter("DSM")])
    first.addParameterSources("OUTPUT", [Source.fromStaticValue(str(tmp_path / "ground"))])
    second = QgsProcessingModelChildAlgorithm("ridgeline:buildings")
    second.setChildId("outlines")
    second.addParameterSources("CLASSES", [Source.fromChildOutput("ground", "GROUND")])
    second.addParameterSources("OUTPUT", [Source.fromStaticValue(str(tmp_path / "outlines"))])
    model.addChildAlgorithm(first)
    model.addChildAlgorithm(second)
    model.initAlgorithm()
    results, ok = model.run(
        {"DSM": str(SAMPLES / "herault_dsm.tif")}, QgsProcessingContext(), QgsProcessingFeedback(False)
    )
    assert ok
    children = results["CHILD_RESULTS"]
    assert children["outlines"]["BUILDINGS"] == str(SAMPLES / "herault_dsm.tif")
    assert children["outlines"]["BUILDING_COUNT"] == 7
