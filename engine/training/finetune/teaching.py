"""Which outputs of a model the labels teach, and what each label means there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...classes import LAND_COVER, ROOF_CLASSES
from ...jobs import ErrorCode, RidgelineError
from ...jobs.finetune import NEW_COLOURS, ClassMapping
from ...models.config import DenseConfig, TaskConfig
from ...models.package import BACKGROUND, ClassSpec, OutputSpec

NEW_TASK = "classes"
"""Name of the output that new classes get."""
_DETAIL = 24
"""Width of the branch by which new classes see the picture's own colours."""


@dataclass(frozen=True)
class Teaching:
    """What the labels teach.

    Attributes:
        kind: ``building``, ``roof_class``, ``land_cover``, ``known`` (classes that an earlier fine-tuning has added) or
            ``new``.
        names: the labels' classes in the order of their indices, `BACKGROUND` last where there is one.
        config: the network after the change.
        outputs: what its maps mean.
        taught: tasks that get labels; all others are held to what the model said before.
    """

    kind: str
    names: tuple[str, ...]
    config: DenseConfig
    outputs: tuple[OutputSpec, ...]
    taught: tuple[str, ...]

    @property
    def background(self) -> int | None:
        """Index of the background among ``names``, or None."""
        return self.names.index(BACKGROUND) if BACKGROUND in self.names else None


def plan_teaching(
    config: DenseConfig,
    outputs: tuple[OutputSpec, ...],
    names: tuple[str, ...],
    has_area: bool,
    mapping: tuple[ClassMapping, ...],
    keep_old: bool,
    picture: bool = True,
) -> Teaching:
    """Decide which outputs the classes teach.

    Classes that the model has teach its own outputs: ``building`` the building outlines, roof classes the roof classes
    (and buildings), land cover classes the land cover; the very classes of an earlier fine-tuning teach on. Any other
    set of names becomes a new output of its own.

    Args:
        config: of the model's network.
        outputs: of the model.
        names: the labels' classes.
        has_area: whether there is an area in which everything is labelled.
        mapping: colours of new classes.
        keep_old: new classes only: whether the old outputs stay.
        picture: whether a picture is given: then new classes see it by a branch of their own, too.

    Raises:
        RidgelineError: (BAD_LABELS) if there is but one class and nothing that says where it is not.
    """
    real = tuple(name for name in names if name != BACKGROUND)
    has_background = has_area or BACKGROUND in names
    tasks = {task.name for task in config.tasks}
    ordered = (*real, BACKGROUND) if has_background else real
    if len(ordered) < 2:
        raise RidgelineError(
            ErrorCode.BAD_LABELS,
            f"All labels are of the class {ordered[0]!r}, and nothing says where it is not.",
            "Add an area in which everything is labelled, or draw some polygons of the class 'background'.",
        )
    if real == ("building",) and "building" in tasks:
        taught = ("building", *(("boundary",) if has_area and "boundary" in tasks else ()))
        return Teaching("building", ordered, config, outputs, taught)
    roofs, covers = {item.name for item in ROOF_CLASSES}, {item.name for item in LAND_COVER}
    if set(real) <= roofs and "roof_class" in tasks:
        taught = ("roof_class", *(("building",) if has_background and "building" in tasks else ()))
        return Teaching("roof_class", ordered, config, outputs, taught)
    if set(real) <= covers and "land_cover" in tasks and not has_background:
        return Teaching("land_cover", ordered, config, outputs, ("land_cover",))
    for output in outputs:
        known = tuple(item.name for item in output.classes)
        if output.name.startswith(NEW_TASK) and set(known) == set(ordered):
            return Teaching("known", _background_last(known), config, outputs, (output.name,))
    return _new(config, outputs, ordered, mapping, keep_old, _DETAIL if picture and config.encoder.rgb else 0)


def _background_last(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*(name for name in names if name != BACKGROUND), *(name for name in names if name == BACKGROUND))


def _new(
    config: DenseConfig,
    outputs: tuple[OutputSpec, ...],
    names: tuple[str, ...],
    mapping: tuple[ClassMapping, ...],
    keep_old: bool,
    detail: int,
) -> Teaching:
    colours = {item.target: item.colour for item in mapping if item.colour}
    classes = tuple(
        ClassSpec(
            i + 1, name, colours.get(name) or ("#f0f0f0" if name == BACKGROUND else NEW_COLOURS[i % len(NEW_COLOURS)])
        )
        for i, name in enumerate(names)
    )
    kept = config.tasks if keep_old else ()
    kept_outputs = outputs if keep_old else ()
    taken = {item.name for item in config.tasks}
    name, number = NEW_TASK, 2
    while name in taken:  # classes of an earlier fine-tuning stay beside these, or go without being taken for them
        name, number = f"{NEW_TASK}_{number}", number + 1
    output = OutputSpec(name, "classes", "other" if keep_old else "land_cover", classes)
    new_config = replace(config, tasks=(*kept, TaskConfig(name, "classes", len(names), detail, colours=detail > 0)))
    return Teaching("new", names, new_config, (*kept_outputs, output), (name,))
