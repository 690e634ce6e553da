"""The short form for a bare ONNX network: what its file does not say."""

from typing import Any, Dict, List, Optional, Tuple

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from ....engine.jobs.models import NetworkClass, NetworkForm, NetworkInput, NetworkOutput
from ...i18n import tr
from .notes import wrapped

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Mean and spread of ImageNet's pictures in 0 to 255 (torchvision, "Models and pre-trained weights")."""
_ROLES = ("land_cover", "roof_class", "building", "boundary", "distance", "height", "other")


class NetworkFormDialog(QDialog):
    """Asks which input is what, how it is scaled, the pixel size, the classes, the licence.

    Args:
        facts: what the engine found by running the network (``models probe``).
        name: the file's name, shown as text.
    """

    def __init__(self, facts: Dict[str, Any], name: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._facts = facts
        self.setWindowTitle(tr("Import a network"))
        self.setMinimumWidth(360)
        intro = wrapped(tr("“{name}” does not say what it was trained for. Its author knows; say it here.", name=name))
        self.title = QLineEdit()
        self.gsd = QDoubleSpinBox()
        self.gsd.setRange(0, 100)
        self.gsd.setDecimals(3)
        self.gsd.setSingleStep(0.05)
        self.gsd.setSuffix(tr(" m"))
        self.gsd.setSpecialValueText(tr("to be filled in"))
        self.gsd.setToolTip(tr("Metres on the ground per pixel of the pictures that it was trained with."))
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.addRow(tr("Title"), self.title)
        form.addRow(tr("Pixel size"), self.gsd)
        self.inputs: List[Tuple[str, int, QComboBox, QComboBox]] = []
        for item in facts.get("inputs", ()):
            self._add_input(form, str(item["tensor"]), int(item["channels"]), str(item["kind"]))
        self.output = QComboBox()
        for item in facts.get("outputs", ()):
            channels = int(item["channels"])
            self.output.addItem(
                tr("{tensor} ({n} channels)", tensor=_shown(str(item["tensor"])), n=channels), str(item["tensor"])
            )
        self.output.setToolTip(tr("The map that it gives; the classes below are its channels."))
        self.role = QComboBox()
        for role, title in zip(("", *_ROLES), (tr("found by its classes"), *_role_titles())):
            self.role.addItem(title, role)
        self.classes = QPlainTextEdit()
        self.classes.setPlaceholderText(tr("One a line, in the order of the channels: background\nbuilding #d62728"))
        self.classes.setFixedHeight(90)
        self.licence = QLineEdit()
        self.licence.setPlaceholderText(tr("such as CC-BY-4.0"))
        for text, widget in (
            (tr("Output"), self.output),
            (tr("What it tells"), self.role),
            (tr("Classes"), self.classes),
            (tr("Licence"), self.licence),
        ):
            form.addRow(text, widget)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Import"))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        rows = QVBoxLayout(self)
        rows.addWidget(intro)
        rows.addLayout(form)
        rows.addWidget(self.buttons)
        self.gsd.valueChanged.connect(self._check)
        for _tensor, _channels, kind, _scale in self.inputs:
            kind.currentIndexChanged.connect(lambda _index: self._check())
        self._check()

    def form(self) -> NetworkForm:
        """Return what was filled in; what was left empty the engine finds by running the network."""
        outputs: Tuple[NetworkOutput, ...] = ()
        classes = classes_of(self.classes.toPlainText())
        role = str(self.role.currentData() or "") or None
        if classes or role or self.output.currentIndex() > 0:
            outputs = (NetworkOutput(str(self.output.currentData()), role=role, classes=classes),)
        return NetworkForm(
            gsd=self.gsd.value() or None,
            inputs=tuple(
                NetworkInput(tensor, str(kind.currentData()), *_scaling(str(scale.currentData()), channels))
                for tensor, channels, kind, scale in self.inputs
            ),
            outputs=outputs,
            title=self.title.text().strip(),
            licence=self.licence.text().strip(),
        )

    def _add_input(self, form: QFormLayout, tensor: str, channels: int, guess: str) -> None:
        kind, scale = QComboBox(), QComboBox()
        kind.addItem(tr("RGB"), "rgb")
        kind.addItem(tr("DSM"), "dsm")
        kind.setCurrentIndex(max(0, kind.findData(guess)))
        for title, how in (
            (tr("by default (RGB: 0 to 1; DSM: metres)"), ""),
            (tr("as ImageNet's pictures"), "imagenet"),
            (tr("not at all"), "none"),
        ):
            if how != "imagenet" or channels == len(IMAGENET[0]):
                scale.addItem(title, how)
        form.addRow(_plain_label(tr("Input “{tensor}” is", tensor=_shown(tensor))), kind)
        form.addRow(tr("Its values are scaled"), scale)
        self.inputs.append((tensor, channels, kind, scale))

    def _check(self, *_args: Any) -> None:
        kinds = [kind.currentData() for _tensor, _channels, kind, _scale in self.inputs]
        ready = self.gsd.value() > 0 and len(set(kinds)) == len(kinds)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


def classes_of(text: str) -> "Tuple[NetworkClass, ...]":
    """Return the classes of lines such as ``building #d62728``; the colour may be left out."""
    classes = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        has_colour = len(words) > 1 and words[-1].startswith("#")
        classes.append(NetworkClass(" ".join(words[:-1] if has_colour else words), words[-1] if has_colour else None))
    return tuple(classes)


def _scaling(how: str, channels: int) -> "Tuple[Tuple[float, ...], Tuple[float, ...]]":
    if how == "imagenet":
        return IMAGENET
    return ((0.0,) * channels, (1.0,) * channels) if how == "none" else ((), ())


def _role_titles() -> "Tuple[str, ...]":
    return (
        tr("land cover"),
        tr("roof classes"),
        tr("buildings"),
        tr("outlines of buildings"),
        tr("distance to outlines"),
        tr("heights"),
        tr("something else"),
    )


def _shown(text: str) -> str:
    """A tensor's name, shortened."""
    return text if len(text) <= 24 else f"{text[:23]}…"


def _plain_label(text: str) -> QLabel:
    """A label that takes nothing in its text as markup: tensors' names come from the file."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    return label
