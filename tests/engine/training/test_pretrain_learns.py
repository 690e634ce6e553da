"""Pretraining learns: losses fall, and a picture finds its own surface, as `ridgeline benchmark pretraining` prints."""

import argparse
from pathlib import Path

import pytest
import torch

from ridgeline.engine.commands.benchmark_pretraining import add_arguments, config_of
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.training.distributed import World
from ridgeline.engine.training.pretrain.trial import RIVALS, TrialResult, run_trial

ALONE = World(0, 1, torch.device("cpu"))


def trial(words: str, folder: Path) -> TrialResult:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(words.split())
    result = run_trial(config_of(args), args.scenes, folder, ALONE, Feedback())
    for epoch, losses in enumerate(result.curve, start=1):
        print(epoch, {name: round(value, 3) for name, value in losses.items()})
    print(f"loss {result.start:.3f} to {result.end:.3f}, top-1 {result.seen_top1:.1%}, unseen {result.unseen_top1:.1%}")
    return result


def test_a_trial_tells_its_losses_and_who_finds_whom(tmp_path: Path) -> None:
    words = "--architecture trial --scenes 64 --size 32 --epochs 2 --samples 8 --batch 4"
    result = trial(words, tmp_path)
    assert len(result.curve) == 2 and result.end == result.curve[-1]["loss"]
    assert 0 <= result.unseen_top1 <= 0.25  # two steps teach nothing: whoever finds its own here has seen the answer
    assert (tmp_path / "reconstruct-0002.png").exists()
    with pytest.raises(ValueError, match=f"at least {RIVALS} scenes"):
        trial(words.replace("64", "10"), tmp_path / "few")


@pytest.mark.long
def test_the_loss_falls_below_half_of_its_start_on_200_chips(tmp_path: Path) -> None:
    words = "--still --scenes 200 --epochs 120 --batch 32 --lr 2e-3 --gsd 0.25 --pool 2"
    result = trial(words, tmp_path)
    assert result.end < 0.5 * result.start


@pytest.mark.long
def test_a_picture_finds_its_own_surface_among_64(tmp_path: Path) -> None:
    words = "--size 96 --pool 3 --scenes 1000 --epochs 12 --batch 32 --alpha 1 --temperature 0.1 --lr 2e-3"
    result = trial(words, tmp_path)
    assert result.seen_top1 > 0.5
    assert result.unseen_top1 > 0.4  # 0.53 was measured: of 64 pictures, two more or less are 3 %
