"""The segment job from end to end: rasters in, class rasters and building polygons out."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from .. import __version__
from ..feedback import Feedback
from ..jobs import Result, SegmentJob
from ..raster.aligned import AlignedRaster
from ..raster.files import writing
from ..raster.sinks import StripSink
from ..runtime.open import open_predictor
from ..runtime.predictor import Predictor
from .ahead import Ahead, Behind
from .buildings import HEIGHTS, Made, heights_spec, keeps_heights, makes_buildings, trace
from .compute import Network
from .feed import Feed
from .follow import Follower
from .ledger import Ledger, LedgerState, key_of
from .plan import TilePlan
from .publish import BUILDINGS, check_free, finished_before, publish
from .rasters import open_sinks
from .setup import (
    Setup,
    at_once_of,
    batch_of,
    check_unchanged,
    count_tiles,
    describe_run,
    network_inputs,
    open_rasters,
    prepare,
)
from .strips import Strip, StripMaker


def run_segment(job: SegmentJob, feedback: Feedback) -> Result:
    """Run a segment job.

    A run that was stopped at any moment continues on the next call with the same job, and ends with the same bytes in
    its rasters and the same polygons as one that was never stopped.

    Args:
        job: what to do.
        feedback: told the progress, asked whether to stop.

    Returns:
        The files by name, and a summary for people.

    Raises:
        RidgelineError: for every fault that a user can do something about, with its code.
        Cancelled: if the user wants to stop; what is finished is kept.
    """
    began = time.perf_counter()
    out = Path(job.out)
    setup = prepare(job, feedback)
    with writing(out / "run.json"):
        out.mkdir(parents=True, exist_ok=True)
    check_free(setup, out)
    how = (job.device, job.runtime, job.precision, job.threads, at_once_of(job), job.looks)
    predictor = open_predictor(setup.package, setup.kinds, *how)
    if predictor.report.fallback:
        feedback.warn("device_fallback", predictor.report.fallback)
    description = describe_run(setup, predictor.report)
    ledger = Ledger(out, key_of(description), partial(check_unchanged, description["inputs"]))
    try:
        done = finished_before(setup, ledger)
        if done is not None:
            ledger.remove()
            return done
        check_free(setup, out, ledger.state)
        seconds = _with(ledger.state.seconds, opening=time.perf_counter() - began)
        with ExitStack() as stack:
            rasters = {kind: stack.enter_context(item) for kind, item in open_rasters(setup).items()}
            maker = StripMaker(setup.plan, setup.model, job.skip_empty, makes_buildings(setup))
            tags = {"MODEL": f"{setup.model.name} {setup.model.version}", "SOFTWARE": f"Ridgeline {__version__}"}
            sinks = open_sinks(maker.planes, setup.frame.grid, tags, ledger.folder)
            if keeps_heights(setup):
                sinks[HEIGHTS] = StripSink(heights_spec(setup, tags), ledger.folder)
            buildings = None
            if makes_buildings(setup) or keeps_heights(setup):
                target = ledger.folder / BUILDINGS if makes_buildings(setup) else None
                follower = Follower(partial(trace, setup, rasters.get("dsm"), sinks, target), "buildings")
                buildings = stack.enter_context(follower)
            _compute(setup, rasters, predictor, maker, sinks, buildings, ledger, seconds, feedback)
            report = predictor.report
            del maker, predictor  # their memory serves the writing of the results
            result = publish(setup, sinks, buildings, ledger, seconds, report, feedback)
        ledger.remove()
        return result
    finally:
        ledger.close()


def _compute(
    setup: Setup,
    rasters: dict[str, AlignedRaster],
    predictor: Predictor,
    maker: StripMaker,
    sinks: dict[str, StripSink],
    buildings: Follower[Made] | None,
    ledger: Ledger,
    seconds: dict[str, float],
    feedback: Feedback,
) -> None:
    """Compute the bands that the ledger lacks: reading, the network, stitching and buildings overlap in time."""
    plan, began = setup.plan, time.perf_counter()
    first = plan.bands.start + ledger.state.bands
    if buildings is not None:
        buildings.advance(_rows_before(plan, first))
    if first >= plan.bands.stop:
        return
    # the band before is computed again for the rows that it leaves to the next one to blend into
    again = first - 1 if ledger.state.bands else first
    tiles_at_once = batch_of(setup, predictor.report) * predictor.report.at_once
    inputs = network_inputs(setup, rasters)
    feed = Feed(plan, setup.frame.region_mask, rasters, inputs, tiles_at_once, setup.job.skip_empty)
    stopping = False
    network = Network(predictor, setup.model, plan, feedback.warn, lambda: stopping)
    tiles = Counter(ledger.state.tiles)
    total = count_tiles(setup)
    feedback.progress(sum(tiles.values()), total, "tiles", "computing", {"say": predictor.report.sentence})

    def advance(band: int, computed: int, left_out: Counter[str]) -> None:
        if band >= first:
            tiles.update(left_out)
            tiles["computed"] += computed
        feedback.progress(min(sum(tiles.values()), total), total, "tiles", "computing")

    def write(band: int, strip: Strip, state: LedgerState) -> None:
        row = plan.rows_of(band)[0] - plan.grid.row0
        for name, values in strip.items():
            if len(values):
                sinks[name].write(row, values)
        ledger.commit(state)
        if buildings is not None:
            buildings.advance(_rows_before(plan, band + 1))

    def finished(band: int, strip: Strip) -> None:
        if band < first:
            return
        spent = _with(seconds, computing=time.perf_counter() - began, network=network.seconds)
        state = replace(ledger.state, bands=band + 1 - plan.bands.start, tiles=dict(tiles), seconds=spent)
        writer.submit(write, band, strip, state)

    with ExitStack() as stack:
        writer = stack.enter_context(Behind("writer"))
        read = stack.enter_context(Ahead(feed.pieces(again), 2, "reader"))
        computed = stack.enter_context(
            Ahead(network.run(read, feed.give_back), 2, "network", poll=feedback.check_cancelled)
        )
        try:
            maker.take(computed, finished, advance, writer.wait)
            writer.wait()
        except BaseException:
            stopping = True
            read.stop()
            computed.stop()
            raise
    feedback.progress(total, total, "tiles", "computing")
    seconds.update(ledger.state.seconds)


def _rows_before(plan: TilePlan, band: int) -> int:
    """Return how many rows of the grid, from its top, are final once all bands before ``band`` are computed."""
    return 0 if band == plan.bands.start else plan.rows_of(band - 1)[1] - plan.grid.row0


def _with(seconds: dict[str, float], **more: float) -> dict[str, float]:
    """Return the seconds of each phase with some more."""
    return {name: seconds.get(name, 0.0) + more.get(name, 0.0) for name in {**seconds, **more}}
