"""InfoNCE between two views of the same places (arXiv 1807.03748), with the negatives of all processes."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional as F


def info_nce(first: Tensor, second: Tensor, temperature: float, gather: bool = True) -> Tensor:
    """Return the symmetric cross-entropy of finding each sample's own partner among all.

    With several processes and ``gather``, each compares its samples with those of all; the mean over processes is the
    loss of the whole batch, and so are the gradients that DDP averages.

    Args:
        first: [B, P], of one modality.
        second: [B, P], of the other, in the same order.
        temperature: divides the cosines.
        gather: whether other processes' samples are negatives too.
    """
    first, second = F.normalize(first.float(), dim=1), F.normalize(second.float(), dim=1)
    everyone_first, everyone_second = (gathered(first), gathered(second)) if gather else (first, second)
    rank = distributed.get_rank() if gather and _many() else 0
    own = torch.arange(len(first), device=first.device) + rank * len(first)
    there = F.cross_entropy(first @ everyone_second.T / temperature, own)
    back = F.cross_entropy(second @ everyone_first.T / temperature, own)
    return 0.5 * (there + back)


def retrieval_top1(first: Tensor, second: Tensor) -> float:
    """Return the share of samples whose nearest partner (by dot product of [B, P]) is their own."""
    nearest = (first @ second.T).argmax(dim=1)
    return float((nearest == torch.arange(len(first), device=first.device)).float().mean())


def gathered(x: Tensor) -> Tensor:
    """Return the rows of all processes, [world · B, P], in the order of their ranks; gradients flow back to each."""
    if not _many():
        return x
    from torch.distributed.nn.functional import all_gather

    rows: tuple[Tensor, ...] = all_gather(x)  # type: ignore[no-untyped-call]
    return torch.cat(list(rows), dim=0)


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
