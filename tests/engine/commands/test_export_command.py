"""`ridgeline export`: a package made anew, with int8 graphs that say what they lose and gain."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from ridgeline.engine import cli
from ridgeline.engine.commands import export as command
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import GsdSpec, InputSpec, MeanStd, OutputSpec, TileSpec, load_package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    narrow = {"channels": [8, 8, 16, 16], "stem_width": 8}
    encoder = EncoderConfig(*(BackboneConfig("resnet18d", channels, narrow) for channels in (3, 1)))
    tasks = (TaskConfig("building", "probability"),)
    model = DenseModel(DenseConfig(encoder, DecoderConfig("fpn", 16, 8), tasks)).eval()
    inputs = (
        InputSpec("rgb", "rgb", ("r", "g", "b"), True, MeanStd((127.0,) * 3, (60.0,) * 3)),
        InputSpec("dsm", "dsm", ("surface",), True, MeanStd((300.0,), (100.0,))),
    )
    outputs = (OutputSpec("building", "probability", "building"),)
    folder = tmp_path_factory.mktemp("pair")
    info = PackageInfo("pair", "1", inputs, outputs, GsdSpec(0.25, 0.1, 0.5), TileSpec(64, overlap=16), title="A pair")
    export_package(model, info, folder)
    return folder


def export(words: list[str]) -> dict[str, object]:
    """Return the summary of what the command does for these words."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command._work(parser.parse_args(words), Feedback()).summary


def test_int8_graphs_come_with_what_they_lose_and_gain(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    summary = export([str(package), "--out", str(out), "--samples", "2", "--int8"])
    made = load_package(out)
    assert made.spec.title == "A pair"
    assert [item.precision for item in made.spec.weights] == ["fp32", "fp32", "fp32", "fp16", "int8", "int8", "int8"]
    for weights in made.spec.weights:
        made.verify(weights)
    for names in ("rgb + dsm", "rgb", "dsm"):
        row = summary[f"int8 for {names}"]
        assert row["Mpx/s fp32"] > 0 and row["Mpx/s int8"] > 0
        assert 0 <= row["building IoU int8"] <= 1
        assert row["agreement"]["building"]["gap"] < 0.1


def test_a_package_can_prefer_int8_look_more_often_and_be_another_version(package: Path, tmp_path: Path) -> None:
    words = ["--int8", "--prefer-int8", "--samples", "1", "--looks", "2", "--coarse-picture", "--version", "2.1"]
    export([str(package), "--out", str(tmp_path), *words])
    spec = load_package(tmp_path).spec
    assert [item.precision for item in spec.weights] == ["int8", "int8", "int8", "fp32", "fp32", "fp32", "fp16"]
    assert spec.tile == TileSpec(64, overlap=16, looks=2, coarse_picture=True) and spec.version == "2.1"
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "seen twice; a picture by itself twice more, at half its resolution" in card


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tile", "100"], "size 100 must be a multiple of 32"),
        (["--tile", "32", "--looks", "2", "--coarse-picture"], "size 32 must be a multiple of 64"),
    ],
)
def test_tiles_that_the_model_cannot_have_are_refused(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    assert cli.main(["export", str(package), "--out", str(tmp_path / "out"), *words]) == 1
    said = capsys.readouterr().err
    assert why in said and "--tile" in said and "fault of its own" not in said
    assert not (tmp_path / "out").exists()


def test_a_model_without_trainable_weights_is_refused(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in package.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    description = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    description["weights"] = [item for item in description["weights"] if item["format"] == "onnx"]
    (tmp_path / "model.json").write_text(json.dumps(description), encoding="utf-8")
    assert cli.main(["export", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no trainable weights" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
