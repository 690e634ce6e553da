"""Which weights learn: the head alone, low-rank adapters in the encoder too, or everything."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...given import given
from ...models.config import DenseConfig
from ...models.multitask import DenseModel

RANK = 8


class LowRank(nn.Module):
    """Adds a low-rank term to a weight, seen as a matrix of its first axis against the rest: W + B A.

    After LoRA (arXiv 2106.09685): B begins at zero, so that the network begins unchanged. A convolution's kernel
    [out, in, h, w] is taken as [out, in · h · w].
    """

    def __init__(self, weight: Tensor, rank: int = RANK) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        rank = min(rank, rows, columns)
        self.a = nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.b = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the adapted weight, of the same shape."""
        return weight + (self.b @ self.a).view_as(weight)


def with_tasks(model: DenseModel, config: DenseConfig, seed: int = 0) -> DenseModel:
    """Return a copy with the tasks of ``config``: old ones keep their weights, new ones begin at random.

    Args:
        model: the network as it is.
        config: the same network with other tasks; a task that both have is the same one.
        seed: of the new tasks' weights.

    Raises:
        ValueError: if more than the tasks differs.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        grown = DenseModel(config)
    state = model.state_dict()
    old, start = {}, 0
    for task in model.config.tasks:
        old[task.name] = slice(start, start + task.channels)
        start += task.channels
    # the heads are made with a bias
    weight, bias = grown.heads.weight.detach().clone(), given(grown.heads.bias).detach().clone()
    start = 0
    for task in config.tasks:
        if task.name in old:
            part = slice(start, start + task.channels)
            weight[part], bias[part] = state["heads.weight"][old[task.name]], state["heads.bias"][old[task.name]]
        start += task.channels
    changed = ("heads.", "auxiliary.", "absent_bias")
    gone = tuple(f"details.{name}." for name in old if name not in grown.details)
    kept = {name: value for name, value in state.items() if not name.startswith((*changed, *gone))}
    missing, unexpected = grown.load_state_dict({**kept, "heads.weight": weight, "heads.bias": bias}, strict=False)
    new = tuple(f"details.{task.name}." for task in config.tasks if task.name not in old)
    strange = [name for name in (*missing, *unexpected) if not name.startswith(("auxiliary.", "absent_bias", *new))]
    if strange:
        raise ValueError(f"the network cannot be grown: {', '.join(strange[:5])}")
    return grown


def choose_trainable(model: DenseModel, mode: str) -> list[nn.Parameter]:
    """Prepare ``model`` for a mode and return the parameters that learn.

    Norms keep their statistics in every mode: a few tiles say little about them.

    Args:
        model: changed in place (adapters are added for ``adapters``).
        mode: ``head``, ``adapters`` or ``full``.
    """
    model.requires_grad_(mode == "full")
    for part in (model.decoder, model.heads, model.details):
        part.requires_grad_(True)
    if mode == "adapters":
        for module in list(model.encoder.modules()):
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.weight.ndim in (2, 4):
                parametrize.register_parametrization(module, "weight", LowRank(module.weight))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def learn_kernels(decoder: nn.Module, learn: bool) -> None:
    """Let the kernels of a decoder learn, or keep them as they are: its norms and biases learn all the same.

    A few thousand numbers reach far (arXiv 2003.00152) and learn less by heart. What the kernels add to that must prove
    itself on validation; the benchmark's NOTES.md says where either won.
    """
    for parameter in decoder.parameters():
        if parameter.ndim > 1:
            parameter.requires_grad_(learn)


def merged(model: DenseModel) -> DenseModel:
    """Return a new network with the adapters folded into the weights: the same outputs, ready for export."""
    # not remove_parametrizations: it changes a class that the copies of a network share with it
    state = {name: value for name, value in model.state_dict().items() if ".parametrizations." not in name}
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            state[f"{name}.weight"] = module.weight.detach()
    plain = DenseModel(model.config)
    plain.load_state_dict(state)
    return plain.eval()


def learn_mode(model: DenseModel) -> None:
    """Put the model into training mode with all norms that hold statistics left as they are."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
