"""What a task sees of the picture itself: nothing at first, then colours; its norms are the pictures' own."""

import pytest
import torch

from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.picture_detail import PictureDetail

NARROW = {"channels": [8, 8, 8, 8], "stem_width": 8}
RGB, DSM = (BackboneConfig("resnet18d", count, dict(NARROW), skip=True) for count in (3, 6))
TASKS = (TaskConfig("building", "probability"), TaskConfig("mine", "classes", 3, detail=6))


def network(rgb=RGB, tasks=TASKS):
    torch.manual_seed(0)
    return DenseModel(DenseConfig(EncoderConfig(rgb, DSM), DecoderConfig("fpn", 16, 8), tasks)).eval()


def images(batch=1):
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(batch, bands, 64, 64, generator=generator) for name, bands in (("rgb", 3), ("dsm", 6))}


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_it_has_the_stride_of_the_decoder(stride):
    detail = PictureDetail(3, 5, 4, 6, stride)
    decoded = torch.randn(2, 5, 64 // stride, 64 // stride)
    assert detail(torch.randn(2, 3, 64, 64), decoded).shape == (2, 4, 64 // stride, 64 // stride)


@torch.no_grad()
def test_it_begins_as_nothing_and_adds_to_its_own_task_alone():
    model = network()
    plain = network(tasks=(TASKS[0], TaskConfig("mine", "classes", 3)))
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if "details" not in name})
    for name, value in model(**images()).items():
        torch.testing.assert_close(value, plain(**images())[name], rtol=0, atol=0)
    torch.nn.init.normal_(model.details["mine"].mix[-1].weight)
    outputs, old = model(**images()), plain(**images())
    assert torch.equal(outputs["building"], old["building"])
    assert not torch.allclose(outputs["mine"], old["mine"], atol=1e-3)


@torch.no_grad()
def test_without_a_picture_the_task_does_without():
    model = network()
    before = model(dsm=images()["dsm"])["mine"]
    torch.nn.init.normal_(model.details["mine"].mix[-1].weight)
    assert torch.equal(model(dsm=images()["dsm"])["mine"], before)


def test_its_norms_take_the_mean_over_all_pictures_and_keep_it():
    detail = PictureDetail(3, 4, 2, 6, 2).eval()
    pictures = [torch.randn(2, 3, 32, 32) * 3 + number for number in range(5)]
    detail.measure(iter(pictures))
    first, norm = detail.stem[0], detail.stem[1]
    with torch.no_grad():
        mean = torch.stack([first(picture).mean((0, 2, 3)) for picture in pictures]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-4, atol=1e-5)
    kept = norm.running_mean.clone()
    detail(pictures[0], torch.randn(2, 4, 16, 16))
    assert torch.equal(norm.running_mean, kept) and not detail.stem.training


@torch.no_grad()
def test_colours_are_read_beside_all_else_once_they_are_asked_for():
    tasks = (TASKS[0], TaskConfig("mine", "classes", 3, detail=6, colours=True))
    model = network(tasks=tasks)
    plain = network(tasks=(TASKS[0], TaskConfig("mine", "classes", 3)))
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if "details" not in name})
    assert torch.equal(model(**images())["mine"], plain(**images())["mine"])  # it begins as nothing
    detail = model.details["mine"]
    detail.measure([images(3)["rgb"]])
    seen = detail.colours(images(3)["rgb"])
    torch.testing.assert_close(seen.mean((0, 2, 3)), torch.zeros(seen.shape[1]), rtol=0, atol=1e-4)
    torch.nn.init.ones_(detail.direct.weight)
    added = model(**images())["mine"] - plain(**images())["mine"]
    wanted = torch.nn.functional.interpolate(
        detail.colours(images()["rgb"]).sum(1, keepdim=True), scale_factor=2.0, mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(added, wanted.expand_as(added), rtol=1e-4, atol=1e-4)


def test_colours_without_a_detail_are_refused():
    with pytest.raises(ValueError, match="no detail"):
        TaskConfig("mine", "classes", 3, colours=True)


def test_what_sees_no_picture_can_have_no_detail_of_it():
    with pytest.raises(ValueError, match="no picture"):
        network(rgb=None)
    with pytest.raises(ValueError, match="cannot be -1"):
        TaskConfig("mine", "classes", 3, detail=-1)


def test_modality_dropout_is_refused_since_it_would_see_what_is_to_be_absent():
    with pytest.raises(ValueError, match="modality dropout"):
        network()(**images(), present=torch.tensor([[True, True]]))
