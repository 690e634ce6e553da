"""`models import` with an architecture: published weights come in whole, and say what was left out."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ridgeline.engine import cli
from ridgeline.engine.models.backbone import Backbone
from ridgeline.engine.models.checkpoint import load_weights
from ridgeline.engine.models.masked_config import MaskedImageConfig
from ridgeline.engine.models.presets import trial_pair
from ridgeline.engine.training.pretrain.start import initial_weights


@pytest.fixture()
def published(tmp_path: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """Weights as SimMIM publishes them: an encoder with timm's names behind a prefix, a token, and a decoder."""
    torch.manual_seed(0)
    backbone = Backbone(trial_pair(1).rgb)
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter)
    own = backbone.state_dict()
    kept = {name: value for name, value in own.items() if not name.startswith(("norms.0", "norms.1", "norms.2"))}
    renamed = {name.replace("net.model.", "").replace("norms.3.", "norm."): value for name, value in kept.items()}
    official = {}
    for name, value in renamed.items():
        parts = name.split(".")
        if (
            parts[0] == "layers" and parts[2] == "downsample"
        ):  # at the end of a stage there, at the next one's start here
            parts[1] = str(int(parts[1]) - 1)
        official["encoder." + ".".join(parts)] = value.clone()
    token = {"encoder.mask_token": torch.ones(1, 1, 24), "decoder.0.bias": torch.zeros(4)}
    path = tmp_path / "simmim.safetensors"
    save_file({**official, **token}, path)
    return path, kept


def test_weights_are_written_for_pretraining_to_begin_with(
    published: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, expected = published
    out = tmp_path / "ours.safetensors"
    words = ["models", "import", str(path), "--architecture", "trial", "--out", str(out)]
    assert cli.main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["style"] == "simmim"
    assert "Left out: the branches decoder." in answer["notes"]
    tensors, sidecar = load_weights(out)
    assert sidecar["kind"] == "backbone"
    for name, value in expected.items():
        assert torch.equal(tensors[name], value), name
    start = initial_weights(MaskedImageConfig(trial_pair(1), image_size=64), str(out), None)
    assert torch.equal(start["rgb.mask_token"], torch.ones(1, 1, 1, 24))
    assert torch.equal(start["rgb.backbone.norms.3.weight"], expected["norms.3.weight"])


def test_what_does_not_fit_is_listed_and_nothing_is_written(
    published: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, _ = load_weights(published[0])
    del tensors["encoder.layers.2.blocks.1.attn.qkv.weight"]
    save_file(tensors, tmp_path / "half.safetensors")
    out = tmp_path / "ours.safetensors"
    words = ["models", "import", str(tmp_path / "half.safetensors"), "--architecture", "trial", "--out", str(out)]
    assert cli.main(words) == 1
    assert "1 missing: net.model.layers.2.blocks.1.attn.qkv.weight" in capsys.readouterr().err
    assert not out.exists()


def test_without_pytorch_it_says_so(
    published: tuple[Path, dict[str, torch.Tensor]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ridgeline.engine.models.weights_import", None)
    words = ["models", "import", str(published[0]), "--architecture", "trial", "--out", "x.safetensors"]
    assert cli.main(words) == 1
    assert "with PyTorch only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--architecture", "swin_huge", "--out", "x.safetensors"], "no architecture 'swin_huge'"),
        (["--architecture", "trial"], "one of both is not named"),
        (["--architecture", "trial", "--out", "x.pth"], "no .safetensors file"),
    ],
)
def test_options_that_do_not_fit_get_a_sentence(
    published: tuple[Path, dict[str, torch.Tensor]],
    words: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["models", "import", str(published[0]), *words]) == 1
    assert sentence in capsys.readouterr().err
