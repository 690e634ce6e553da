"""Instance segmentation: Mask R-CNN (arXiv 1703.06870) over the fused pyramid, for roofs with classes (UBCv2)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from .config import EncoderConfig
from .encoders import Encoder, make_encoder


@dataclass(frozen=True)
class InstanceConfig:
    """A Mask R-CNN.

    Attributes:
        encoder: the encoder pair.
        classes: number of classes; labels are ids from 1, 0 is background.
        width: channels of the pyramid (256 as published).
        anchors: side of the boxes looked for at strides 4, 8, 16, 32 and 64, in pixels.
        hidden: neurons of the box head.
        mask_width: channels of the mask head's four convolutions (256 as published: most of the work on a CPU).
        proposals: boxes that go on from the first stage, in training and use.
        per_image: most instances given (300 in the DFC2023 baseline).
        min_score: instances below are not given.
    """

    encoder: EncoderConfig
    classes: int
    width: int = 256
    anchors: tuple[int, ...] = (16, 32, 64, 128, 256)
    hidden: int = 1024
    mask_width: int = 256
    proposals: int = 1000
    per_image: int = 300
    min_score: float = 0.05

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError("at least one class is needed")
        if len(self.anchors) != 5:
            raise ValueError("anchors must name five sides, one a level")


@dataclass(frozen=True)
class InstanceTruth:
    """The instances of one image.

    Attributes:
        boxes: float [N, 4], x0, y0, x1, y1 in pixels.
        labels: int64 [N], ids from 1.
        masks: uint8 or bool [N, H, W].
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor

    @classmethod
    def from_ids(cls, instances: Tensor, classes: Tensor) -> InstanceTruth:
        """Return the truth from maps.

        Args:
            instances: integer [H, W], an id for each instance, 0 elsewhere.
            classes: integer [H, W], class ids; an instance has the class that most of its pixels have.
        """
        ids = [int(item) for item in torch.unique(instances) if item > 0]
        masks, boxes, labels = [], [], []
        for item in ids:
            mask = instances == item
            rows, columns = mask.any(dim=1).nonzero().flatten(), mask.any(dim=0).nonzero().flatten()
            found = classes[mask]
            found = found[found > 0]
            if len(found) == 0 or len(rows) < 2 or len(columns) < 2:
                continue  # no class known, or too thin for a box
            masks.append(mask)
            boxes.append([float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)])
            labels.append(int(found.mode().values))
        shape = tuple(instances.shape)
        return cls(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            torch.tensor(labels, dtype=torch.int64),
            torch.stack(masks).to(torch.uint8) if masks else torch.zeros((0, *shape), dtype=torch.uint8),
        )


class InstanceModel(nn.Module):
    """Mask R-CNN whose backbone is the encoder pair.

    torchvision's network passes its backbone one tensor: RGB and DSM travel stacked and are parted again.

    Args:
        config: what it is made of.
    """

    def __init__(self, config: InstanceConfig) -> None:
        super().__init__()
        self.config = config
        encoder = make_encoder(config.encoder)
        sides = (config.encoder.rgb, config.encoder.dsm)
        self._channels = [side.channels if side is not None else 0 for side in sides]
        total = sum(self._channels)
        self.net = MaskRCNN(
            _PyramidBackbone(encoder, self._channels, config.width),
            box_head=TwoMLPHead(config.width * 7 * 7, config.hidden),
            box_predictor=FastRCNNPredictor(config.hidden, config.classes + 1),
            mask_head=MaskRCNNHeads(config.width, (config.mask_width,) * 4, dilation=1),
            mask_predictor=MaskRCNNPredictor(config.mask_width, config.mask_width, config.classes + 1),
            # inputs come normalised and at their own size
            image_mean=[0.0] * total,
            image_std=[1.0] * total,
            min_size=1,
            max_size=1 << 16,
            size_divisible=32,
            rpn_anchor_generator=AnchorGenerator(
                tuple((side,) for side in config.anchors), ((0.5, 1.0, 2.0),) * len(config.anchors)
            ),
            rpn_pre_nms_top_n_train=config.proposals,
            rpn_pre_nms_top_n_test=config.proposals,
            rpn_post_nms_top_n_train=config.proposals,
            rpn_post_nms_top_n_test=config.proposals,
            box_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=7, sampling_ratio=2),
            mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=14, sampling_ratio=2),
            box_detections_per_img=config.per_image,
            box_score_thresh=config.min_score,
        )
        self.net.transform = _Stacked(total)

    def losses(self, rgb: Tensor | None, dsm: Tensor | None, truth: list[InstanceTruth]) -> dict[str, Tensor]:
        """Return the five losses of a batch (call ``train()`` first): their sum is to be minimised.

        Args:
            rgb: [B, channels, H, W], normalised, or None.
            dsm: the same of the surface.
            truth: one a sample; a sample may hold no instance.
        """
        targets = [{"boxes": item.boxes, "labels": item.labels, "masks": item.masks} for item in truth]
        found: dict[str, Tensor] = self.net(list(self._stack(rgb, dsm)), targets)
        return found

    def forward(self, rgb: Tensor | None = None, dsm: Tensor | None = None) -> list[dict[str, Tensor]]:
        """Return by sample ``boxes`` [N, 4], ``labels`` [N], ``scores`` [N] and ``masks`` [N, 1, H, W] in 0 to 1."""
        found: list[dict[str, Tensor]] = self.net(list(self._stack(rgb, dsm)))
        return found

    def _stack(self, rgb: Tensor | None, dsm: Tensor | None) -> Tensor:
        given = next((item for item in (rgb, dsm) if item is not None), None)
        if given is None:
            raise ValueError("neither rgb nor dsm was given")
        self.net.backbone.present = (rgb is not None, dsm is not None)
        parts = []
        for image, channels in zip((rgb, dsm), self._channels):
            blank = given.new_zeros(given.shape[0], channels, *given.shape[2:])
            parts.append(blank if image is None else image)
        return torch.cat(parts, dim=1)


class _PyramidBackbone(nn.Module):
    """Encoder pair and feature pyramid as torchvision expects a backbone: names to maps, all of one width."""

    def __init__(self, encoder: Encoder, channels: list[int], width: int) -> None:
        super().__init__()
        self.encoder, self._channels = encoder, channels
        self._first = encoder.strides.index(4)
        used = encoder.channels[self._first :]
        self.pyramid = FeaturePyramidNetwork(used, width, extra_blocks=LastLevelMaxPool())
        self.out_channels = width
        self.present = (channels[0] > 0, channels[1] > 0)

    def forward(self, stacked: Tensor) -> dict[str, Tensor]:
        rgb, dsm = torch.split(stacked, self._channels, dim=1)
        features = self.encoder(rgb if self.present[0] else None, dsm if self.present[1] else None)
        named = OrderedDict((str(level), item) for level, item in enumerate(features[self._first :]))
        maps: dict[str, Tensor] = self.pyramid(named)
        return maps


class _Stacked(nn.Module):
    """In place of torchvision's resize and normalisation: samples are of one size already and normalised."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels

    def forward(self, images: list[Tensor], targets: Any = None) -> tuple[Any, Any]:
        batch = torch.stack(images)
        size = (int(batch.shape[-2]), int(batch.shape[-1]))
        return ImageList(batch, [size] * len(images)), targets

    def postprocess(
        self, result: list[dict[str, Tensor]], image_shapes: list[tuple[int, int]], _original: list[tuple[int, int]]
    ) -> list[dict[str, Tensor]]:
        for found, shape in zip(result, image_shapes):
            found["masks"] = paste_masks_in_image(found["masks"], found["boxes"], shape)
        return result
