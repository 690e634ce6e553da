"""The provider as QGIS sees it: ids, parameters, help, flags."""

from qgis.core import QgsApplication

EXPECTED = {"segment", "groundheights", "buildings", "enginestatus", "enginesetup"}


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
