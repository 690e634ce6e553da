"""How large is the file at an address? Asked before anything is downloaded."""

from typing import Any, Optional

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ..i18n import tr

TIMEOUT_MS = 20_000


class SizeQuestion(QObject):
    """Asks a server for the head of a file."""

    answered = pyqtSignal(int, str)
    """Bytes (0: the server does not say), and what went wrong, if anything did."""

    def __init__(self, url: str, parent: Optional[QObject] = None, timeout_ms: int = TIMEOUT_MS) -> None:
        super().__init__(parent)
        self._url = QUrl(url)
        self._reply: Any = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(timeout_ms)
        self._late.timeout.connect(self._on_late)

    def start(self) -> None:
        """Begin."""
        if self._url.scheme().lower() not in ("http", "https"):
            self.answered.emit(0, tr("The address must begin with https or http."))
            return
        request = QNetworkRequest(self._url)
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute,
            QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy,
        )
        request.setRawHeader(b"Accept-Encoding", b"identity")
        self._reply = QgsNetworkAccessManager.instance().head(request)
        self._reply.finished.connect(self._on_finished)
        self._late.start()

    def stop(self) -> None:
        """Wait no longer; nothing is told."""
        self._late.stop()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _on_late(self) -> None:
        self.stop()
        self.answered.emit(0, tr("The server does not answer."))

    def _on_finished(self) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        self._late.stop()
        length = reply.header(QNetworkRequest.KnownHeaders.ContentLengthHeader)
        failed = reply.error() != QNetworkReply.NetworkError.NoError
        problem = tr("The file cannot be reached: {why}", why=reply.errorString()) if failed else ""
        reply.deleteLater()
        self.answered.emit(0 if failed or length is None else max(0, int(length)), problem)
