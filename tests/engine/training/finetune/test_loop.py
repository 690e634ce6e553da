"""The loop: the same bits for the same seed, killed or not; validation never teaches; it ends as it is asked to."""

import copy
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from finetune_helpers import OUTPUTS, ids_of, lesson_of, tiny_config, tiny_model, town
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import Cancelled, Progress
from ridgeline.engine.models.config import DecoderConfig
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.presets import encoder_preset
from ridgeline.engine.training.finetune import loop
from ridgeline.engine.training.finetune.balance import class_weights, tile_shares
from ridgeline.engine.training.finetune.features import MOST_SHOWN, Kept, fitting_views
from ridgeline.engine.training.finetune.history import History
from ridgeline.engine.training.finetune.loop import train, validate
from ridgeline.engine.training.finetune.samples import Sample
from ridgeline.engine.training.finetune.teaching import plan_teaching
from ridgeline.engine.training.finetune.trainable import with_tasks


@pytest.fixture(scope="module")
def lessons():
    return town(2)


def learn(lessons, folder, feedback=None, dropout=0.2, samples=None, **changes):
    """Train a tiny network; returns the trained network, its last weights and the history."""
    maps, own = lessons
    model = tiny_model(dropout=dropout)
    lesson = lesson_of(tiny_model(dropout=dropout), samples or own, maps.teaching, **changes)
    folder.mkdir(exist_ok=True)
    trained = train(model, lesson, "cpu", folder / "state.pt", feedback or Feedback())
    return trained.network, model, trained.history


@pytest.fixture(scope="module")
def learnt(lessons, tmp_path_factory):
    """A network that has learnt what is red and high, and its history."""
    folder = tmp_path_factory.mktemp("learnt")
    best, _, history = learn(lessons, folder / "a", dropout=0, peak_lr=0.03, steps=40, validate_every=10)
    return best, history


def same(first, second):
    states = first.state_dict(), second.state_dict()
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def scores(history):
    return [{key: value for key, value in entry.items() if key != "minutes"} for entry in history.entries]


@pytest.mark.parametrize("mode", ["head", "adapters", "full"])
def test_the_same_seed_gives_the_same_bits_and_only_what_may_learn_has_moved(lessons, tmp_path, mode):
    first, last, history = learn(lessons, tmp_path / "a", mode=mode, steps=2, validate_every=2)
    again, last_again, _ = learn(lessons, tmp_path / "b", mode=mode, steps=2, validate_every=2)
    assert same(first, again) and same(last, last_again)
    assert [entry["step"] for entry in history.entries] == [0, 2]
    start = tiny_model(dropout=0.2).state_dict()
    if mode == "head":
        assert all(torch.equal(v, start[n]) for n, v in last.state_dict().items() if n.startswith("encoder."))
    assert not all(torch.equal(v, start[n]) for n, v in last.state_dict().items() if n in start)


def test_a_run_killed_between_two_validations_ends_like_an_undisturbed_one(lessons, tmp_path):
    class Killed(Exception):
        pass

    def die(event):
        if isinstance(event, Progress) and event.done > 60:
            raise Killed

    whole, last, history = learn(lessons, tmp_path / "whole")
    with pytest.raises(Killed):
        learn(lessons, tmp_path / "broken", Feedback(die, interval_s=0))
    heard = []
    resumed, last_resumed, history_resumed = learn(lessons, tmp_path / "broken", Feedback(heard.append))
    told = [event.detail["step"] for event in heard if event.detail]
    assert told == [0, 3, 6], "who watches a run that goes on is told how it began"
    assert same(whole, resumed) and same(last, last_resumed)
    assert scores(history) == scores(history_resumed) and [e["step"] for e in history.entries] == [0, 3, 6]


def test_labels_of_validation_pixels_move_no_weight(lessons, tmp_path):
    _, samples = lessons
    wrong = [
        Sample(s.window, s.inputs, np.where(s.validates, 1 - s.truth, s.truth).astype(np.int16), s.polygon, s.validates)
        for s in samples
    ]
    _, last, _ = learn(lessons, tmp_path / "right", steps=3)
    _, last_wrong, _history = learn(lessons, tmp_path / "wrong", samples=wrong, steps=3)
    assert same(last, last_wrong)


def test_it_learns_what_is_red_and_high(lessons, learnt):
    best, history = learnt
    assert history.best > 0.6 > history.entries[0]["mean_iou"]
    assert history.best == pytest.approx(max(entry["mean_iou"] for entry in history.entries), abs=1e-4)
    maps, samples = lessons
    again = validate(best, lesson_of(tiny_model(), samples, maps.teaching)).best
    assert again.mean_iou == pytest.approx(history.best, abs=0.03)


def test_a_later_network_is_kept_while_only_chance_tells_it_from_the_best():
    history = History(start=0.3, best=0.6)
    assert history.takes_over(0.59) and history.takes_over(0.7)
    assert not history.takes_over(0.57)  # clearly worse than the best
    assert not History(start=0.3, best=0.3).takes_over(0.3)  # no better than the start


def test_it_stops_when_nothing_gets_better(lessons, tmp_path):
    _, _, history = learn(lessons, tmp_path / "a", peak_lr=0.0, steps=400, validate_every=1, patience=2)
    assert [entry["step"] for entry in history.entries] == [0, 1, 2] and history.best_step == 0


def test_what_validated_teaches_in_the_end_and_not_before(lessons, tmp_path, monkeypatch):
    maps, own = lessons
    wrong = [replace(s, truth=np.where(s.validates, 1 - s.truth, s.truth).astype(np.int16)) for s in own]
    first, second = (
        learn_jointly(maps, samples, tmp_path / f"{i}.pt", monkeypatch) for i, samples in enumerate((own, wrong))
    )
    assert first.history.joined == pytest.approx(2 / 3) and first.history.best_step == 6
    assert same(first.validated, second.validated)
    assert not same(first.network, second.network) and not same(first.network, first.validated)


def learn_jointly(maps, samples, state, monkeypatch, feedback=None, first=1):
    """Train nine steps, the last three with all labels, as if validation always rose, from ``first`` on."""
    monkeypatch.setattr(loop, "validate", scripted(itertools.count(first)))
    lesson = lesson_of(tiny_model(), samples, maps.teaching, steps=9, joint_from=2 / 3, peak_lr=0.01)
    return train(tiny_model(), lesson, "cpu", state, feedback or Feedback())


def test_a_training_that_ends_early_ends_with_as_large_a_share_of_all_labels(lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "validate", scripted([0.1, 0.9, 0.2, 0.2]))
    _, _, history = learn(
        lessons, tmp_path / "a", steps=100, validate_every=10, patience=2, joint_from=0.6, peak_lr=0.0
    )
    assert [entry["step"] for entry in history.entries] == [0, 10, 20, 30, 40, 50] and history.joined == 0.3
    assert [entry.get("all_labels_teach", False) for entry in history.entries] == [False] * 4 + [True] * 2
    assert history.best_step == 10


def scripted(scores):
    """A validation that gives these mean IoUs, one after the other."""
    left = iter(scores)

    def validation(*_):
        score = SimpleNamespace(mean_iou=next(left), as_dict=dict)
        return SimpleNamespace(plain=score, best=score)

    return validation


@pytest.mark.parametrize("percent", [50, 70, 95])
def test_killed_before_or_after_all_labels_teach_it_ends_alike(lessons, tmp_path, monkeypatch, percent):
    class Killed(Exception):
        pass

    def die(event):
        if isinstance(event, Progress) and event.done > percent:
            raise Killed

    maps, own = lessons
    whole = learn_jointly(maps, own, tmp_path / "whole.pt", monkeypatch)
    with pytest.raises(Killed):
        learn_jointly(maps, own, tmp_path / "parts.pt", monkeypatch, Feedback(die, interval_s=0))
    again = learn_jointly(maps, own, tmp_path / "parts.pt", monkeypatch, first=9)
    assert same(again.network, whole.network) and same(again.validated, whole.validated)
    assert again.history.joined == whole.history.joined


def test_nothing_better_than_the_start_is_not_taught_on(lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "validate", scripted([0.5, 0.4, 0.4]))
    best, _, history = learn(lessons, tmp_path / "a", steps=9, joint_from=2 / 3, peak_lr=0.01)
    assert history.is_start and history.joined is None and same(best, tiny_model(dropout=0.2))


def test_however_short_the_time_it_takes_the_least_steps(lessons, tmp_path):
    _, _, history = learn(lessons, tmp_path / "a", steps=None, minutes=1e-6, least_steps=4, validate_every=100)
    assert history.entries[-1]["step"] == 4


def test_what_validates_no_better_leaves_the_network_as_it_came(lessons, learnt, tmp_path):
    maps, own = lessons
    start = learnt[0]
    lesson = lesson_of(start, own, maps.teaching, peak_lr=30.0, steps=4, validate_every=2)
    trained = train(copy.deepcopy(start), lesson, "cpu", tmp_path / "state.pt", Feedback())
    assert trained.history.is_start and same(trained.network, start)


def test_a_network_that_finds_too_few_buildings_keeps_its_own_logit(lessons, learnt, tmp_path):
    maps, own = lessons
    start = learnt[0]
    lesson = lesson_of(start, own, maps.teaching, peak_lr=0.0, steps=2, validate_every=2)
    before = validate(start, lesson)
    trained = train(copy.deepcopy(start), lesson, "cpu", tmp_path / "state.pt", Feedback())
    assert trained.history.best == pytest.approx(before.best.mean_iou) and before.best.mean_iou > before.plain.mean_iou
    assert same(trained.network, start)


def test_the_decoders_kernels_join_in_after_the_norms(lessons, tmp_path):
    start = tiny_model(dropout=0.2)
    for norm_steps, joined in ((3, False), (2, True)):
        _, last, _ = learn(lessons, tmp_path / f"{norm_steps}", steps=3, norm_steps=norm_steps)
        moved = {
            name
            for name, value in last.decoder.named_parameters()
            if not torch.equal(value, start.decoder.get_parameter(name))
        }
        kernels = {name for name, value in last.decoder.named_parameters() if value.ndim > 1}
        assert moved - kernels, "norms and biases learn from the first step"
        assert bool(moved & kernels) == joined


def test_finish_keeps_the_best_so_far(lessons, tmp_path):
    asked = []
    feedback = Feedback(asked.append, finish=lambda: len(asked) > 2, interval_s=0)
    best, _, history = learn(lessons, tmp_path / "a", feedback, steps=400, validate_every=100)
    assert 0 < history.entries[-1]["step"] < 10 and len(history.entries) == 2
    assert isinstance(best, torch.nn.Module)


def test_cancel_ends_it(lessons, tmp_path):
    heard = []
    with pytest.raises(Cancelled):
        learn(lessons, tmp_path / "a", Feedback(heard.append, cancelled=lambda: len(heard) > 1, interval_s=0))
    assert len(heard) < 4


def test_progress_carries_scores_losses_and_pictures(lessons, tmp_path):
    maps, samples = lessons
    heard = []
    lesson = lesson_of(tiny_model(), samples, maps.teaching, steps=2, validate_every=2)
    train(tiny_model(), lesson, "cpu", tmp_path / "s.pt", Feedback(heard.append), lambda model: ["one.png"])
    details = [event.detail for event in heard if event.detail]
    assert [item["step"] for item in details] == [0, 2] and all(item["pictures"] == ["one.png"] for item in details)
    assert details[0]["inputs"] == ["rgb", "dsm"]
    assert "loss building" in details[1] and "mean_iou" in details[1] and "iou building" in details[1]


def test_untaught_outputs_are_held_where_they_were(lessons, tmp_path):
    _maps, samples = lessons
    old = tiny_model()
    teaching = plan_teaching(old.config, OUTPUTS, ("solar",), True, (), True)
    renamed = [Sample(s.window, s.inputs, s.truth, s.polygon, s.validates) for s in samples]
    drift = {}
    for hold in (0.0, 20.0):
        lesson = lesson_of(old, renamed, teaching, steps=12, validate_every=12, hold=hold, norm_steps=0)
        grown = with_tasks(old, teaching.config, 1)
        train(grown, lesson, "cpu", tmp_path / f"{hold}.pt", Feedback())
        with torch.no_grad():
            now, before = (net.eval().decode(lesson.features([(0, 0)]))["building"] for net in (grown, old))
        drift[hold] = float((now.sigmoid() - before.sigmoid()).abs().mean())
    assert drift[20.0] < drift[0.0]


def test_tiles_are_drawn_by_training_pixels_of_each_class_alike(lessons):
    maps, samples = lessons
    only = samples[1]
    blind = Sample(only.window, only.inputs, only.truth, only.polygon, np.ones_like(only.validates))
    np.testing.assert_allclose(tile_shares([samples[0], blind], maps.teaching), [1, 0])
    with pytest.raises(ValueError, match="no labelled pixel"):
        tile_shares([blind], maps.teaching)


def test_rare_classes_count_more_within_limits(lessons):
    _, samples = lessons
    teaching = plan_teaching(tiny_model().config, OUTPUTS, ("solar", "tile"), True, (), True)
    truth = np.full_like(samples[0].truth, 2)
    truth[:4, :4], truth[10:60] = 0, 1
    sample = replace(samples[0], truth=truth, validates=np.zeros_like(samples[0].validates))
    (weights,) = class_weights([sample], teaching, ids_of(teaching.outputs)).values()
    assert weights[0] > weights[1] > weights[2] > 0 and max(weights) / min(weights) <= 10
    maps, own = lessons
    assert class_weights(own, maps.teaching, ids_of()) == {}  # a probability has no classes to weigh


@given(tiles=st.integers(1, 600))
def test_all_views_of_all_tiles_fit_what_is_kept_where_four_do(tiles):
    views = fitting_views(tiles, 24)
    assert 4 <= views <= 24 and (views * tiles <= MOST_SHOWN or views == 4)


def test_kept_features_are_given_up_beyond_their_room_and_stay_the_same(lessons):
    maps, samples = lessons
    lesson = lesson_of(tiny_model(), samples, maps.teaching)
    wide = lesson.features
    narrow = Kept(wide._compute, "cpu", most_bytes=1)
    pairs = [(0, 0), (1, 5), (0, 0)]
    for _ in range(2):
        for first, second in zip(wide(pairs), narrow(pairs)):
            assert torch.equal(first, second)
    assert not narrow._kept and narrow._bytes == 0


@pytest.mark.long
def test_the_large_pair_takes_a_step_of_everything_on_a_cpu(tmp_path):
    config = replace(
        tiny_config(), encoder=encoder_preset("swin_base"), decoder=DecoderConfig("upernet", 128, auxiliary=True)
    )
    model = DenseModel(config)
    before = {name: value.clone() for name, value in model.encoder.named_parameters()}
    maps, samples = town(1)
    lesson = lesson_of(copy.deepcopy(model), samples, maps.teaching, mode="full", steps=1, batch=1)
    history = train(model, lesson, "cpu", tmp_path / "state.pt", Feedback()).history
    assert [entry["step"] for entry in history.entries] == [0, 1]
    assert sum(value.numel() for value in before.values()) > 150_000_000
    still = [name for name, value in model.encoder.named_parameters() if torch.equal(value, before[name])]
    assert all(name.startswith("absent_") for name in still), still[:5]  # nothing was absent
