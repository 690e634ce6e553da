"""The preview's picture over the map: no layer of the project, so that nothing of it is ever saved."""

from typing import Any, Callable, Optional

from qgis.core import QgsMapRendererParallelJob, QgsMapSettings, QgsRasterLayer
from qgis.gui import QgsMapCanvasItem
from qgis.PyQt.QtCore import QObject, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter

_ABOVE_THE_MAP = -5.0
"""Over the map's picture, which lies at -10, and under rubber bands and other marks, which lie at 0 and above."""


class PreviewItem(QgsMapCanvasItem):
    """Draws a picture where it belongs, also while the map is moved and zoomed."""

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image: Any = None
        self._settings: Optional[QgsMapSettings] = None
        self.setZValue(_ABOVE_THE_MAP)
        self.hide()

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to see."""
        return self._image is not None

    def show_picture(self, image: Any, settings: QgsMapSettings) -> None:
        """Show an image that was rendered with ``settings``."""
        self._image, self._settings = image, settings
        self.updatePosition()
        self.show()
        self.update()

    def wipe(self) -> None:
        """Show nothing."""
        self._image = self._settings = None
        self.hide()

    def boundingRect(self) -> QRectF:
        """Return the whole canvas, in its pixels."""
        return QRectF(0, 0, self._canvas.width(), self._canvas.height())

    def updatePosition(self) -> None:
        """Stay at the canvas's corner: what is painted follows the map by itself."""
        self.prepareGeometryChange()
        self.setPos(0, 0)

    def paint(self, painter: Any, *_options: Any) -> None:
        """Draw the picture scaled and shifted as the map has moved since it was made."""
        if self._image is None or self._settings is None:
            return
        now = self._canvas.mapSettings()
        if now.destinationCrs() != self._settings.destinationCrs() or now.rotation() != self._settings.rotation():
            return
        factor = self._settings.mapUnitsPerPixel() / now.mapUnitsPerPixel()
        # the centre lies at the same place whatever the rotation, which is the same for both
        centre = self.toCanvasCoordinates(self._settings.visibleExtent().center())
        size = self._settings.outputSize()
        width, height = size.width() * factor, size.height() * factor
        target = QRectF(centre.x() - width / 2, centre.y() - height / 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1)
        painter.drawImage(target, self._image, QRectF(self._image.rect()))


class PictureMaker(QObject):
    """Renders a raster into the canvas's CRS and size, in QGIS's rendering threads; one at a time, the newest wins.

    Args:
        canvas: the map canvas.
        ready: takes the image and the settings that it was rendered with.
    """

    def __init__(self, canvas: Any, ready: Callable[[Any, QgsMapSettings], None], parent: QObject) -> None:
        super().__init__(parent)
        self._canvas, self._ready = canvas, ready
        self._job: Any = None
        self._layer: Any = None
        self._settings: Optional[QgsMapSettings] = None

    def make(self, layer: QgsRasterLayer) -> None:
        """Render ``layer``, and hand the image over when it is done."""
        self.stop()
        settings = QgsMapSettings(self._canvas.mapSettings())
        settings.setLayers([layer])
        settings.setBackgroundColor(QColor(Qt.GlobalColor.transparent))
        self._layer, self._settings = layer, settings
        self._job = QgsMapRendererParallelJob(settings)
        self._job.finished.connect(self._on_finished)
        self._job.start()

    def stop(self) -> None:
        """Forget what is being rendered."""
        job, self._job = self._job, None
        if job is not None:
            job.finished.disconnect(self._on_finished)
            job.cancelWithoutBlocking()
            # it ends in threads of its own and must live until then
            job.finished.connect(job.deleteLater)
            job.setParent(self)

    def _on_finished(self) -> None:
        job, settings = self._job, self._settings
        self._job = self._layer = None
        if job is not None and settings is not None:
            image = job.renderedImage()
            job.deleteLater()
            self._ready(image, settings)
