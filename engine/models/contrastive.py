"""InfoNCE between two views of the same places (arXiv 1807.03748), with the negatives of all processes."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional as F


def info_nce(first: Tensor, second: Tensor, temperature: float, gather: bool = True) -> Tensor:
    """Return the symmetric cross-entropy of finding each sample's own partner among all.

    With several processes and ``gather`` every process computes the loss of all samples together, with gradients for
    its own rows; their sum over processes is the gradient of the whole. As DDP averages gradients, each is
    multiplied by the number of processes. Features travel once and no gradient does.

    Args:
        first: [B, P], of one modality.
        second: [B, P], of the other, in the same order; B is the same in all processes.
        temperature: divides the cosines.
        gather: whether other processes' samples are negatives too.
    """
    first, second = F.normalize(first.float(), dim=1), F.normalize(second.float(), dim=1)
    if gather:
        first, second = gathered(first), gathered(second)
    cosines = first @ second.T / temperature
    own = torch.arange(len(first), device=first.device)
    loss = 0.5 * (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own))
    if gather and _many():
        loss = loss + (distributed.get_world_size() - 1) * (loss - loss.detach())
    return loss


def retrieval_top1(first: Tensor, second: Tensor) -> float:
    """Return the share of samples whose nearest partner (by dot product of [B, P]) is their own."""
    nearest = (first @ second.T).argmax(dim=1)
    return float((nearest == torch.arange(len(first), device=first.device)).float().mean())


def gathered(x: Tensor) -> Tensor:
    """Return the rows of all processes, [world · B, P], in the order of their ranks; own rows alone carry gradients."""
    if not _many():
        return x
    rows = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
    distributed.all_gather(rows, x.detach().contiguous())
    rows[distributed.get_rank()] = x
    return torch.cat(rows, dim=0)


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
