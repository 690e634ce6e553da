"""What classes teach: the model's own outputs where it knows them, a new output where it does not."""

from dataclasses import replace

import pytest
from finetune_helpers import OUTPUTS, tiny_config

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.jobs.finetune import ClassMapping
from ridgeline.engine.training.finetune.teaching import plan_teaching


def plan(*names, area=False, mapping=(), keep_old=True, config=None, outputs=OUTPUTS):
    return plan_teaching(config or tiny_config(), outputs, names, area, mapping, keep_old)


@pytest.mark.parametrize(
    ("names", "area", "kind", "taught"),
    [
        (("building",), True, "building", ("building", "boundary")),
        (("building", "background"), False, "building", ("building",)),
        (("gable", "flat"), False, "roof_class", ("roof_class",)),
        (("gable", "flat"), True, "roof_class", ("roof_class", "building")),
        (("gable",), True, "roof_class", ("roof_class", "building")),
        (("tree", "car"), False, "land_cover", ("land_cover",)),
        (("tree",), True, "new", ("classes",)),
        (("solar", "tile"), False, "new", ("classes",)),
        (("gable", "tile"), False, "new", ("classes",)),
    ],
)
def test_known_classes_teach_the_models_own_outputs(names, area, kind, taught):
    teaching = plan(*names, area=area)
    assert (teaching.kind, teaching.taught) == (kind, taught)
    assert (teaching.background is not None) == (area or "background" in names)


def test_one_class_needs_something_that_says_where_it_is_not():
    with pytest.raises(RidgelineError, match=r"'solar'.*where it is not") as fault:
        plan("solar")
    assert fault.value.code is ErrorCode.BAD_LABELS and "area" in fault.value.hint


def test_new_classes_come_beside_the_old_ones_with_their_colours():
    teaching = plan("solar", "tile", area=True, mapping=(ClassMapping("1", "solar", "#123456"),))
    assert [task.name for task in teaching.config.tasks] == [item.name for item in OUTPUTS] + ["classes"]
    new = teaching.outputs[-1]
    assert [item.name for item in new.classes] == ["solar", "tile", "background"]
    assert new.classes[0].colour == "#123456" and new.classes[1].colour != new.classes[2].colour
    assert new.role == "other"


def test_new_classes_can_take_the_place_of_the_old_ones():
    teaching = plan("solar", "tile", keep_old=False)
    assert [task.name for task in teaching.config.tasks] == ["classes"] and len(teaching.outputs) == 1
    assert teaching.outputs[0].role == "land_cover"


def test_new_classes_see_the_picture_itself_where_there_is_one():
    assert plan("solar", "tile").config.tasks[-1].detail > 0
    blind = plan_teaching(tiny_config(), OUTPUTS, ("solar", "tile"), False, (), True, picture=False)
    assert blind.config.tasks[-1].detail == 0
    heights = replace(tiny_config(), encoder=replace(tiny_config().encoder, rgb=None))
    assert plan("solar", "tile", config=heights).config.tasks[-1].detail == 0


def test_the_classes_of_an_earlier_fine_tuning_teach_on():
    first = plan("solar", "tile", area=True)
    again = plan("tile", "solar", area=True, config=first.config, outputs=first.outputs)
    assert again.kind == "known" and again.taught == ("classes",) and again.config == first.config
    assert again.names == ("solar", "tile", "background")


def test_other_new_classes_leave_those_of_an_earlier_fine_tuning_in_place():
    first = plan("solar", "tile")
    second = plan("lawn", "pool", config=first.config, outputs=first.outputs)
    assert [task.name for task in second.config.tasks][-2:] == ["classes", "classes_2"]
    assert second.taught == ("classes_2",)
