"""Pretraining: which rasters go together, what a sample is, and runs that stop, go on, and share the work."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin
from rasterio.warp import calculate_default_transform, reproject

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RidgelineError, from_dict, to_dict
from ridgeline.engine.models.config import BackboneConfig, EncoderConfig
from ridgeline.engine.models.masked_config import MaskedImageConfig
from ridgeline.engine.training.distributed import World
from ridgeline.engine.training.pretrain.config import ChipConfig, PretrainConfig
from ridgeline.engine.training.pretrain.dataset import MaskedChips
from ridgeline.engine.training.pretrain.loop import pretrain
from ridgeline.engine.training.pretrain.pairs import find_pairs, place_name
from ridgeline.engine.training.pretrain.sources import RasterChips
from ridgeline.engine.training.pretrain.surface_norm import SURFACE_NORMS

SWIN = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 2, "drop_path_rate": 0.0}
ENCODER = EncoderConfig(
    BackboneConfig("swin_tiny_patch4_window7_224", 3, SWIN, 64),
    BackboneConfig("swin_tiny_patch4_window7_224", 1, SWIN, 64),
)
CONFIG = PretrainConfig(
    MaskedImageConfig(ENCODER, image_size=64),
    ChipConfig(gsd=0.5),
    batch=2,
    epochs=2,
    samples=4,
    warmup_epochs=0,
    base_lr=0.1,
    bf16=False,
    workers=0,
    save_every=1,
)
ALONE = World(0, 1, torch.device("cpu"))


def write(path: Path, array: np.ndarray, gsd: float, crs: str = "EPSG:25832", x: float = 500000.0) -> Path:
    """Write [C, H, W] with its upper left corner at (x, 5600000)."""
    count, height, width = array.shape
    options = {"crs": crs, "transform": from_origin(x, 5600000.0, gsd, gsd), "nodata": -9999 if count == 1 else None}
    with rasterio.open(path, "w", "GTiff", width, height, count, dtype=array.dtype, **options) as file:
        file.write(array)
    return path


def scene(seed: int, size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture and heights that show the same boxes."""
    random = np.random.default_rng(seed)
    heights = np.full((1, size, size), 100.0, np.float32) + random.normal(0, 0.05, (1, size, size)).astype(np.float32)
    picture = np.full((3, size, size), 90, np.uint8)
    for _ in range(12):
        r, c = random.integers(0, size - 30, 2)
        heights[:, r : r + 25, c : c + 20] += 6
        picture[:, r : r + 25, c : c + 20] = random.integers(100, 255, (3, 1, 1))
    return picture, heights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two places: one whose DSM is coarser, one whose picture lies in another CRS than its DSM."""
    root = tmp_path_factory.mktemp("rasters")
    picture, heights = scene(0)
    write(root / "a_rgb.tif", picture, 0.5)
    write(root / "a_dsm.tif", heights[:, ::2, ::2], 1.0)
    picture, heights = scene(1)
    write(root / "b_rgb.tif", picture, 0.5)
    here, there = rasterio.CRS.from_epsg(25832), rasterio.CRS.from_epsg(25833)
    affine = from_origin(500000.0, 5600000.0, 0.5, 0.5)
    new, width, height = calculate_default_transform(here, there, 160, 160, 500000.0, 5599920.0, 500080.0, 5600000.0)
    options = {"crs": there, "transform": new, "nodata": -9999.0}
    with rasterio.open(root / "b_dsm.tif", "w", "GTiff", width, height, 1, dtype="float32", **options) as file:
        turned = np.full((1, height, width), -9999, np.float32)
        reproject(heights, turned, affine, src_crs=here, dst_transform=new, dst_crs=there, dst_nodata=-9999.0)
        file.write(turned)
    return root


def source(folder: Path, norm: str = "percentile") -> RasterChips:
    return RasterChips(find_pairs(folder, folder), 64, 0.5, SURFACE_NORMS[norm], 0.5)


def whole_pictures(folder: Path) -> RasterChips:
    """Return chips whose every pixel has data: parts of a batch then weigh the same in the loss."""
    return RasterChips([(folder / "a_rgb.tif", folder / "a_dsm.tif")], 64, 0.5, SURFACE_NORMS["percentile"], 0.5)


def assert_same_gradients(first: Path, second: Path) -> None:
    """Compare first moments after one step: a tenth of the gradients (AdamW's steps hide their size)."""
    moments = []
    for run in (first, second):
        state = torch.load(next(run.glob("optimiser-*.pt")), weights_only=True)["state"]
        assert all(int(item["step"]) == 1 for item in state.values())
        moments.append([item["exp_avg"] for item in state.values()])
    largest = max(float(item.abs().max()) for item in moments[0])
    assert largest > 0
    for a, b in zip(*moments):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * largest)


def test_folders_are_matched_by_name(folder: Path) -> None:
    pairs = [(rgb.name, dsm.name) for rgb, dsm in find_pairs(folder, folder)]
    assert pairs == [("a_rgb.tif", "a_dsm.tif"), ("b_rgb.tif", "b_dsm.tif")]
    assert place_name(Path("Berlin-12_DOP.tif")) == place_name(Path("berlin_12_ndsm.vrt")) == "berlin_12"


def test_lists_are_matched_line_by_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rgb.txt").write_text(f"# pictures\n{folder / 'a_rgb.tif'}\n{folder / 'b_rgb.tif'}\n")
    (tmp_path / "dsm.txt").write_text(f"{folder / 'b_dsm.tif'}\n{folder / 'a_dsm.tif'}\n")
    assert find_pairs(tmp_path / "rgb.txt", tmp_path / "dsm.txt")[0][1].name == "b_dsm.tif"
    (tmp_path / "dsm.txt").write_text(f"{folder / 'b_dsm.tif'}\n")
    with pytest.raises(RidgelineError, match=r"lists 2 rasters and 'dsm\.txt' 1"):
        find_pairs(tmp_path / "rgb.txt", tmp_path / "dsm.txt")


def test_a_picture_without_a_surface_is_named(folder: Path, tmp_path: Path) -> None:
    for name in ("a_rgb.tif", "a_dsm.tif"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "c_rgb.tif").write_bytes((folder / "a_rgb.tif").read_bytes())
    with pytest.raises(RidgelineError, match=r"'c_rgb\.tif' has no DSM"):
        find_pairs(tmp_path, tmp_path)


@pytest.mark.parametrize("norm", SURFACE_NORMS)
def test_chips_come_from_rasters_of_any_crs_and_resolution(folder: Path, norm: str) -> None:
    chips = source(folder, norm)
    random = np.random.default_rng(0)
    for _ in range(4):
        chip = chips.chip(random)
        assert chip.rgb.shape == (3, 64, 64) and chip.rgb.max() <= 255
        assert chip.dsm.shape == (SURFACE_NORMS[norm].channels, 64, 64)
        assert np.isfinite(chip.dsm).all()
        assert (chip.rgb_valid & chip.dsm_valid).mean() >= 0.5


def test_picture_and_surface_of_a_chip_show_the_same_place(folder: Path) -> None:
    chips = source(folder, "mean_centred")
    random = np.random.default_rng(3)
    for _ in range(4):
        chip = chips.chip(random)
        high = (chip.dsm[0] > 0.2) & chip.dsm_valid & chip.rgb_valid
        low = (chip.dsm[0] < 0.0) & chip.dsm_valid & chip.rgb_valid
        if high.sum() > 200 and low.sum() > 200:
            ground = np.abs(chip.rgb - 90).max(axis=0) < 8
            assert ground[low].mean() > 0.8 and ground[high].mean() < 0.35


def test_a_sample_depends_on_its_number_alone(folder: Path) -> None:
    first, second = (MaskedChips(source(folder), CONFIG, 8) for _ in range(2))
    second[5]  # what was read before does not matter
    for name, value in first[3].items():
        assert torch.equal(value, second[3][name]), name
    masks = {tuple(first[index]["rgb_hidden"].flatten().tolist()) for index in range(8)}
    assert len(masks) > 1


def test_both_rasters_are_cropped_and_flipped_alike(folder: Path) -> None:
    class Ramp:
        def __len__(self) -> int:
            return 1

        def chip(self, _random: np.random.Generator) -> object:
            from ridgeline.engine.training.pretrain.sources import RawChip

            ramp = np.add.outer(np.arange(64.0), 3 * np.arange(64.0)).astype(np.float32)
            valid = ramp > 40
            return RawChip(np.repeat(ramp[None], 3, axis=0), ramp[None].copy(), valid, valid)

    chips = dataclasses.replace(CONFIG.chips, mean=(0.0,) * 3, std=(1.0,) * 3)
    dataset = MaskedChips(Ramp(), dataclasses.replace(CONFIG, chips=chips), 6)
    for index in range(6):
        sample = dataset[index]
        inside = sample["rgb_valid"][0] & (sample["rgb"][0] > 60)
        torch.testing.assert_close(sample["rgb"][0][inside], sample["dsm"][0][inside])
        assert torch.equal(sample["rgb_valid"], sample["dsm_valid"])


def test_masks_are_shared_or_not_as_configured(folder: Path) -> None:
    model = dataclasses.replace(CONFIG.model, shared_mask=False)
    apart = MaskedChips(source(folder), dataclasses.replace(CONFIG, model=model), 8)
    together = MaskedChips(source(folder), CONFIG, 8)
    assert all(torch.equal(together[i]["rgb_hidden"], together[i]["dsm_hidden"]) for i in range(8))
    assert any(not torch.equal(apart[i]["rgb_hidden"], apart[i]["dsm_hidden"]) for i in range(8))


def test_places_without_data_are_refused(tmp_path: Path) -> None:
    picture, heights = scene(0)
    write(tmp_path / "rgb.tif", picture, 0.5)
    write(tmp_path / "dsm.tif", np.where(np.arange(160) < 150, -9999, heights).astype(np.float32), 0.5)
    chips = RasterChips([(tmp_path / "rgb.tif", tmp_path / "dsm.tif")], 64, 0.5, SURFACE_NORMS["percentile"], 0.5)
    with pytest.raises(RidgelineError, match="none has data on 50%"):
        chips.chip(np.random.default_rng(0))


def test_a_pair_smaller_than_a_chip_is_named(folder: Path) -> None:
    with pytest.raises(RidgelineError, match="less than one chip of 256"):
        RasterChips(find_pairs(folder, folder), 256, 0.5, SURFACE_NORMS["percentile"], 0.5)


def test_a_run_that_stopped_goes_on_as_if_it_had_not(folder: Path, tmp_path: Path) -> None:
    sides = (dataclasses.replace(side, args={**SWIN, "drop_path_rate": 0.3}) for side in (ENCODER.rgb, ENCODER.dsm))
    config = dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, encoder=EncoderConfig(*sides)))
    whole = pretrain(source(folder), config, tmp_path / "whole", ALONE, Feedback())

    class Stopped(Exception):
        pass

    def stop_in_the_second_epoch(done: float, *_: object, **__: object) -> None:
        if done == 3:
            raise Stopped

    feedback = Feedback()
    feedback.progress = stop_in_the_second_epoch
    with pytest.raises(Stopped):
        pretrain(source(folder), config, tmp_path / "parts", ALONE, feedback)
    resumed = pretrain(source(folder), config, tmp_path / "parts", ALONE, Feedback())
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(a, b), name
    assert (tmp_path / "whole" / "reconstruct-0002.png").stat().st_size > 5000
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]


def test_a_run_with_other_settings_is_not_continued(folder: Path, tmp_path: Path) -> None:
    pretrain(source(folder), CONFIG, tmp_path, ALONE, Feedback())
    with pytest.raises(RidgelineError, match="another setting of 'base_lr'") as fault:
        pretrain(source(folder), dataclasses.replace(CONFIG, base_lr=0.2), tmp_path, ALONE, Feedback())
    assert fault.value.code is ErrorCode.BAD_JOB


def test_a_run_from_before_a_setting_existed_is_continued_with_its_default(folder: Path, tmp_path: Path) -> None:
    pretrain(source(folder), CONFIG, tmp_path, ALONE, Feedback())
    note = tmp_path / "state.json"
    state = json.loads(note.read_text())
    del state["config"]["model"]["projection_pool"]
    note.write_text(json.dumps(state))
    pretrain(source(folder), CONFIG, tmp_path, ALONE, Feedback())
    pooled = dataclasses.replace(CONFIG, model=dataclasses.replace(CONFIG.model, projection_pool=2))
    with pytest.raises(RidgelineError, match="another setting of 'model'"):
        pretrain(source(folder), pooled, tmp_path, ALONE, Feedback())


def test_accumulated_gradients_are_those_of_the_whole_batch(folder: Path, tmp_path: Path) -> None:
    model = dataclasses.replace(CONFIG.model, alpha=0.0)  # the contrast is between the samples of one part
    once = dataclasses.replace(CONFIG, model=model, batch=4, epochs=1)
    twice = dataclasses.replace(once, batch=2, accumulate=2)
    pretrain(whole_pictures(folder), once, tmp_path / "1", ALONE, Feedback())
    pretrain(whole_pictures(folder), twice, tmp_path / "2", ALONE, Feedback())
    assert_same_gradients(tmp_path / "1", tmp_path / "2")


def test_two_processes_do_what_one_does_with_twice_the_batch(folder: Path, tmp_path: Path) -> None:
    one = dataclasses.replace(CONFIG, batch=4, epochs=1)
    pretrain(whole_pictures(folder), one, tmp_path / "one", ALONE, Feedback())
    (tmp_path / "config.json").write_text(json.dumps(to_dict(dataclasses.replace(CONFIG, epochs=1))))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "ridgeline.engine", "pretrain", "--device", "cpu"]
    command += ["--rgb", folder / "a_rgb.tif", "--dsm", folder / "a_dsm.tif"]
    command += ["--config", tmp_path / "config.json", "--out", tmp_path / "two"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same_gradients(tmp_path / "one", tmp_path / "two")


def test_settings_survive_json_and_channels_must_fit() -> None:
    assert from_dict(PretrainConfig, to_dict(CONFIG)) == CONFIG
    with pytest.raises(ValueError, match="gives 6 channels, but the dsm backbone takes 1"):
        dataclasses.replace(CONFIG, chips=ChipConfig(surface_norm="height_channels"))
