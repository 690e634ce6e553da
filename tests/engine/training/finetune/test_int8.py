"""int8 graphs of taught models are calibrated on pictures of the model's size, put together from the tiles."""

import numpy as np
from finetune_helpers import INPUTS, UTM

from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.training.finetune.int8 import pieced
from ridgeline.engine.training.finetune.samples import Sample


def sample(value, side=8):
    inputs = {item.name: np.full((item.channels, side, side), value, np.float32) for item in INPUTS}
    nothing = np.zeros((side, side))
    window = Grid(UTM, 0.25, 0, 0, side, side)
    return Sample(window, inputs, nothing.astype(np.int16), nothing.astype(np.int32), nothing.astype(bool))


def test_four_tiles_make_a_picture_of_twice_their_side():
    pictures = pieced([sample(number) for number in range(8)], 16)
    assert len(pictures) == 2
    rgb = pictures[0]["rgb"]
    assert rgb.shape == (1, 3, 16, 16)
    assert [rgb[0, 0, row, col] for row in (0, 8) for col in (0, 8)] == [0, 1, 2, 3]


def test_a_single_tile_is_enough_and_many_are_spread():
    assert len(pieced([sample(1)], 16)) == 1
    many = pieced([sample(number) for number in range(400)], 16)
    assert len(many) == 12
    assert many[0]["rgb"].min() == 0 and many[-1]["rgb"].max() == 399


def test_a_model_smaller_than_the_tiles_sees_part_of_them():
    (picture,) = pieced([sample(3)], 4)
    assert picture["rgb"].shape == (1, 3, 4, 4) and picture["rgb"].min() == 3
