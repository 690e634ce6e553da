"""Coarse maps become as large as their tile, just as the network itself would enlarge them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import OutputSpec
from ridgeline.engine.runtime.enlarge import Enlarged, enlarged
from ridgeline.engine.runtime.maps import output_map

SHAPES = st.tuples(*(st.integers(1, 7) for _ in range(4)))
MAPS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(-9, 9, width=32)))


@settings(max_examples=60, deadline=None)
@given(maps=MAPS, factor=st.integers(1, 6))
def test_it_is_torchs_bilinear_enlargement(maps, factor):
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(maps), scale_factor=factor, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(enlarged(maps, factor), expected.numpy(), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(maps=MAPS, factor=st.integers(1, 6))
def test_nothing_lies_beyond_what_the_network_said(maps, factor):
    found = enlarged(maps, factor)
    assert found.shape == (*maps.shape[:2], *(factor * side for side in maps.shape[2:]))
    assert found.min() >= maps.min() - 1e-5 and found.max() <= maps.max() + 1e-5


@settings(max_examples=30, deadline=None)
@given(maps=MAPS, factor=st.integers(1, 6))
def test_a_turned_map_is_enlarged_alike(maps, factor):
    turned = enlarged(np.ascontiguousarray(maps[..., ::-1, ::-1]), factor)
    np.testing.assert_array_equal(turned[..., ::-1, ::-1], enlarged(maps, factor))


def test_each_output_is_enlarged_by_its_own_stride(make_package):
    class Network:
        report = "the processor"

        def predict(self, inputs):
            return {name: np.full((1, 1, side, side), side, np.float32) for name, side in inputs.items()}

    outputs = (OutputSpec("building", "probability", stride=2), OutputSpec("height", "metres"))
    network = Enlarged(Network(), replace(make_package().spec, outputs=outputs))
    found = network.predict({"building": 8, "height": 16})
    assert [maps.shape for maps in found.values()] == 2 * [(1, 1, 16, 16)]
    assert network.report == "the processor"


def test_a_map_of_another_stride_is_refused():
    output = OutputSpec("building", "probability", stride=2)
    assert output_map(output, np.zeros((1, 8, 8)), (1, 3, 16, 16)).shape == (1, 1, 8, 8)
    with pytest.raises(RidgelineError, match="16 × 16 pixels for a tile of 16 × 16 and a stride of 2") as caught:
        output_map(output, np.zeros((1, 16, 16)), (1, 3, 16, 16))
    assert caught.value.code is ErrorCode.BAD_MODEL


@pytest.mark.parametrize("stride", [0, -2])
def test_a_stride_is_a_number_of_pixels(stride):
    with pytest.raises(ValueError, match="stride must be 1 or more"):
        OutputSpec("building", "probability", stride=stride)


def test_tiles_are_whole_numbers_of_strides(make_package):
    spec = make_package().spec
    outputs = (OutputSpec("building", "probability", stride=3),)
    with pytest.raises(ValueError, match="its stride 3 must divide the tile's multiple"):
        replace(spec, outputs=outputs)
