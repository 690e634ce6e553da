"""The catalogue of models: fetched from the address in the settings, or the one that comes with the plugin."""

from typing import Any, Optional

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.catalogue import MAX_CATALOGUE_BYTES, Catalogue, CatalogueEntry, read_catalogue
from ..i18n import tr
from ..paths import RESOURCES
from ..settings import CATALOGUE_URL, read_setting
from .download import Order

TIMEOUT_MS = 20_000


def catalogue_url() -> str:
    """Return the address of the catalogue: the user's choice, else the file that comes with the plugin."""
    return read_setting(CATALOGUE_URL) or QUrl.fromLocalFile(str(RESOURCES / "catalogue.json")).toString()


def order_of(entry: CatalogueEntry, base: str) -> Order:
    """Return what to download for an entry of the catalogue at the address ``base``."""
    return Order(_place(entry, base).toString(), entry.sha256, entry.size_bytes, entry.title)


def _place(entry: CatalogueEntry, base: str) -> QUrl:
    return QUrl(base).resolved(QUrl(entry.url))


class CatalogueFetch(QObject):
    """Fetches a catalogue; ends with exactly one of ``succeeded`` and ``failed``."""

    succeeded = pyqtSignal(object)
    """The Catalogue."""
    failed = pyqtSignal(object)
    """A RidgelineError."""

    def __init__(self, url: str, parent: Optional[QObject] = None, timeout_ms: int = TIMEOUT_MS) -> None:
        super().__init__(parent)
        self.url = url
        self._reply: Any = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(timeout_ms)
        self._late.timeout.connect(self._on_late)

    def start(self) -> None:
        """Begin."""
        request = QNetworkRequest(QUrl(self.url))
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute,
            QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy,
        )
        self._reply = QgsNetworkAccessManager.instance().get(request)
        self._reply.downloadProgress.connect(self._on_progress)
        self._reply.finished.connect(self._on_finished)
        self._late.start()

    def stop(self) -> None:
        """Fetch no more; nothing is told."""
        self._late.stop()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _on_progress(self, done: int, _total: int) -> None:
        if done > MAX_CATALOGUE_BYTES:
            self.stop()
            self.failed.emit(_fault(tr("it is too large")))

    def _on_late(self) -> None:
        self.stop()
        self.failed.emit(_fault(tr("the server does not answer")))

    def _on_finished(self) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        self._late.stop()
        data, error, text = bytes(reply.readAll()), reply.error(), reply.errorString()
        reply.deleteLater()
        if error != QNetworkReply.NetworkError.NoError:
            self.failed.emit(_fault(text))
            return
        try:
            catalogue: Catalogue = read_catalogue(data)
        except RidgelineError as fault:
            self.failed.emit(fault)
            return
        # a catalogue of the web may not send us to files: on Windows, those of another computer would get our log-in
        if not QUrl(self.url).isLocalFile() and any(_place(item, self.url).isLocalFile() for item in catalogue.models):
            self.failed.emit(_fault(tr("it names a file in place of an address")))
            return
        self.succeeded.emit(catalogue)


def _fault(why: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.DOWNLOAD_FAILED,
        tr("The catalogue of models cannot be read: {why}.", why=why.rstrip(".")),
        tr("Check its address and the network."),
    )
