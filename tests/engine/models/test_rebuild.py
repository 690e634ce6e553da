"""A network is built anew only from the weights that its package was published with."""

import shutil
from pathlib import Path

import pytest

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import load_package
from ridgeline.engine.models.package.library import SHIPPED
from ridgeline.engine.models.rebuild import trainable_model


@pytest.fixture()
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "ridgeline-compact", tmp_path / "ridgeline-compact"))


def test_the_shipped_model_can_learn(copy: Path) -> None:
    model = trainable_model(load_package(copy))
    assert all(item.isfinite().all() for item in model.state_dict().values())


def test_weights_that_were_changed_are_not_built(copy: Path) -> None:
    weights = next(item for item in load_package(copy).spec.weights if item.format == "safetensors")
    data = bytearray((copy / weights.file).read_bytes())
    data[-1] ^= 1  # one bit of the last number: nothing else would notice
    (copy / weights.file).write_bytes(data)
    with pytest.raises(RidgelineError, match="not the one it was published with") as caught:
        trainable_model(load_package(copy))
    assert caught.value.code is ErrorCode.BAD_MODEL
