"""``ridgeline models``: list, info, probe, import, export, remove, verify."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from ..jobs.models import ImportModelJob, NetworkClass, NetworkForm, NetworkInput, NetworkOutput
from .jobrunner import load_json, run_job
from .models_backbone import add_backbone_arguments, import_backbone

_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of every action."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="all models of the library")
    info = actions.add_parser("info", help="all that a model says of itself")
    info.add_argument("model", help="a model's name, or its folder")
    probe = actions.add_parser("probe", help="what a bare ONNX file takes and gives, found by running it")
    probe.add_argument("path", help="an .onnx file")
    bring = actions.add_parser("import", help="bring a folder, zip, ONNX file or checkpoint into the library")
    _add_import_arguments(bring)
    export = actions.add_parser("export", help="write a model as a zip, to share it")
    export.add_argument("model", help="a model's name, or its folder")
    export.add_argument("--out", type=Path, default=Path(), help="the zip, or the folder for it (default: here)")
    export.add_argument("--overwrite", action="store_true", help="replace a file of that name")
    remove = actions.add_parser("remove", help="remove a model from your library")
    remove.add_argument("model", help="a model's name")
    verify = actions.add_parser("verify", help="check files, hashes and fields, and run it on a tile")
    verify.add_argument("model", nargs="?", help="a model's name, or its folder (default: all)")
    for action in (listing, info, probe, bring, export, remove, verify):
        action.add_argument("--json", action="store_true", help="answer as JSON")


def _add_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", help="a model's folder, a zip of one, an .onnx or a .safetensors file")
    parser.add_argument("--name", help="name in the library")
    parser.add_argument("--replace", action="store_true", help="take the place of a model of that name")
    parser.add_argument("--sha256", help="refuse the file if its SHA-256 is another one")
    parser.add_argument("--job", help="a job file, instead of all other options")
    parser.add_argument("--events", action="store_true", help="speak JSON lines on standard output")
    form = parser.add_argument_group("for a bare ONNX file (what is left out is found by running it)")
    form.add_argument("--form", help="a JSON file that answers all of these")
    form.add_argument("--gsd", type=float, help="metres per pixel that it was trained at")
    form.add_argument("--gsd-range", type=float, nargs=2, metavar=("MIN", "MAX"), help="metres per pixel it accepts")
    form.add_argument(
        "--input", action="append", default=[], metavar="TENSOR=KIND", help="which input is rgb and which is dsm"
    )
    form.add_argument(
        "--normalise",
        action="append",
        default=[],
        metavar="KIND=HOW",
        help="rgb=unit (divide by 255), rgb=imagenet, rgb=none, or dsm=MEAN,…/STD,…",
    )
    form.add_argument("--classes", metavar="NAME[=#RRGGBB],…", help="classes of the first output, in their order")
    form.add_argument(
        "--output", action="append", default=[], metavar="TENSOR=ROLE", help="what an output is: building, height, …"
    )
    form.add_argument("--activation", choices=("none", "softmax", "sigmoid"), help="what makes probabilities of it")
    form.add_argument("--tile", type=int, help="side of a tile in pixels")
    form.add_argument("--title", default="", help="name for people")
    form.add_argument("--licence", default="", help="its licence")
    add_backbone_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Do one action."""
    if args.action == "import":
        return _import(args)
    if args.action == "verify":
        return _verify(args)
    from ..models.package.describe import as_text, model_info, models_table

    if args.action == "list":
        from ..models.package.library import list_models

        entries = list_models()
        print(json.dumps([model_info(entry) for entry in entries], indent=2) if args.json else models_table(entries))
    elif args.action == "info":
        from ..models.package.library import entry_of

        answer = model_info(entry_of(args.model))
        print(json.dumps(answer, indent=2) if args.json else as_text(answer))
    elif args.action == "probe":
        from ..models.package.network_facts import describe_network

        # indented JSON is readable enough for people, too
        print(json.dumps(describe_network(Path(args.path).expanduser()), indent=2))
    elif args.action == "export":
        from ..models.package.importer import export_model

        _say(args, "path", str(export_model(args.model, args.out, args.overwrite)), "Written: {}")
    else:
        from ..models.package.importer import remove_model

        _say(args, "removed", str(remove_model(args.model)), "Removed: {}")
    return 0


def _say(args: argparse.Namespace, key: str, value: str, sentence: str) -> None:
    print(json.dumps({key: value}) if args.json else sentence.format(value))


def _import(args: argparse.Namespace) -> int:
    if args.architecture:
        return import_backbone(args)

    def load() -> ImportModelJob:
        if args.job:
            return from_dict(ImportModelJob, load_json(args.job))
        if not args.path:
            raise RidgelineError(ErrorCode.BAD_JOB, "It is not said what to import.", "Give a file, or --job FILE.")
        return ImportModelJob(args.path, args.name, args.replace, args.sha256, _form(args))

    def work(job: ImportModelJob, feedback: Feedback) -> Result:
        from ..models.package.describe import model_info
        from ..models.package.importer import import_model
        from ..models.package.library import entry_of

        package = import_model(job, feedback)
        return Result({"folder": str(package.folder)}, model_info(entry_of(str(package.folder))))

    if args.events:
        return run_job("import_model", load, work, events=True)
    result = work(load(), Feedback())
    print(json.dumps(result.summary, indent=2) if args.json else f"Imported: {result.outputs['folder']}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from ..models.package.importer import verify_model
    from ..models.package.library import list_models

    names = [args.model] if args.model else [entry.name for entry in list_models()]
    answers: list[dict[str, Any]] = []
    for name in names:
        try:
            package, faults = verify_model(name)
            answers.append({"name": package.spec.name, "faults": faults})
        except RidgelineError as fault:
            answers.append({"name": name, "faults": [str(fault)]})
    if args.json:
        print(json.dumps(answers, indent=2))
    for answer in [] if args.json else answers:
        print(f"{answer['name']}: {'in order' if not answer['faults'] else ''}")
        for line in answer["faults"]:
            print(f"  {line}")
    return 1 if any(answer["faults"] for answer in answers) else 0


def _form(args: argparse.Namespace) -> NetworkForm:
    if args.form:
        return from_dict(NetworkForm, load_json(args.form), "form")
    normalise = dict(_pair(text, "--normalise") for text in args.normalise)
    inputs = []
    for text in args.input:
        tensor, kind = _pair(text, "--input")
        mean, std = _normalisation(normalise.get(kind, ""), kind)
        try:
            inputs.append(NetworkInput(tensor, kind, mean, std))
        except ValueError as fault:
            raise RidgelineError(ErrorCode.BAD_JOB, f"The option --input {text}: {fault}.", "Correct it.") from fault
    if normalise and not inputs:
        raise RidgelineError(
            ErrorCode.BAD_JOB, "A normalisation is given without an input.", "Name it, as in --input image=rgb."
        )
    outputs = [NetworkOutput(tensor, role=role) for tensor, role in (_pair(text, "--output") for text in args.output)]
    classes = tuple(_classes(args.classes)) if args.classes else ()
    if (classes or args.activation) and not outputs:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            "Classes or an activation are given without an output.",
            "Name it, as in --output probabilities=land_cover.",
        )
    if outputs:
        first = outputs[0]
        outputs[0] = NetworkOutput(first.tensor, role=first.role, classes=classes, activation=args.activation)
    return NetworkForm(
        gsd=args.gsd,
        gsd_range=tuple(args.gsd_range) if args.gsd_range else None,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        tile=args.tile,
        title=args.title,
        licence=args.licence,
    )


def _pair(text: str, option: str) -> tuple[str, str]:
    left, separator, right = text.rpartition("=")
    if not separator or not left or not right:
        raise RidgelineError(ErrorCode.BAD_JOB, f"The option {option} {text!r} is not understood.", "Write NAME=VALUE.")
    return left, right


def _normalisation(how: str, kind: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if how in ("", "unit"):
        return (), ()
    if how == "imagenet":
        return _IMAGENET
    if how == "none":
        return ((0.0,) * 3, (1.0,) * 3) if kind == "rgb" else ((0.0,), (1.0,))
    try:
        means, _, deviations = how.partition("/")
        return tuple(map(float, means.split(","))), tuple(map(float, deviations.split(",")))
    except ValueError as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"The normalisation {how!r} is not understood.",
            "Write unit, imagenet, none, or MEAN,…/STD,… in the raster's own units.",
        ) from fault


def _classes(text: str) -> list[NetworkClass]:
    classes = []
    for item in text.split(","):
        name, _, colour = item.partition("=")
        classes.append(NetworkClass(name.strip(), colour.strip() or None))
    return classes
