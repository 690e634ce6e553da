"""One file from the network onto the disk: resumed where it broke off, checked, and whole or not there at all.

QGIS's own network access is used: its proxy, logins and certificates hold. What has come is kept in ``NAME.part`` with
a note beside it of where it came from; the next attempt asks for the rest (RFC 9110, "Range Requests") on the condition
that the file is still the same (its ETag or date).
"""

import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ...engine.jobs import Cancelled, ErrorCode, RidgelineError
from ...engine.jobs.places import data_home
from ..i18n import tr

STALL_MS = 30_000
"""A connection that brings nothing for so long is given up."""
MAX_BYTES = 20 * 1000**3
"""More than any model has."""
ATTEMPTS = 4
"""So often a broken download is taken up again before the user is asked to."""
_RETRY_MS = 500
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Order:
    """What is to be downloaded.

    Attributes:
        url: http, https or file address.
        sha256: that the file must have; empty: any.
        size_bytes: that the file must have; 0: any.
        title: what people read.
    """

    url: str
    sha256: str = ""
    size_bytes: int = 0
    title: str = ""


def downloads_folder() -> Path:
    """Return the folder where downloads are kept until they are imported."""
    return data_home() / "downloads"


class Download(QObject):
    """Fetches one file; ends with exactly one of ``succeeded`` and ``failed``.

    Args:
        order: what to fetch.
        folder: where to; made if need be.
        stall_ms: milliseconds without a byte after which a connection is given up.
        retry_ms: pause before a broken download is taken up again.
    """

    progressed = pyqtSignal(float, float)
    """Bytes so far, and of how many (0: not known)."""
    succeeded = pyqtSignal(str)
    """Path of the whole, checked file."""
    failed = pyqtSignal(object)
    """A RidgelineError; a Cancelled if it was cancelled."""
    _hashed = pyqtSignal(str)

    def __init__(
        self,
        order: Order,
        folder: Path,
        parent: Optional[QObject] = None,
        stall_ms: int = STALL_MS,
        retry_ms: int = _RETRY_MS,
    ) -> None:
        super().__init__(parent)
        self.order = order
        self.target = folder / file_name(order.url)
        self._part = self.target.with_name(f"{self.target.name}.part")
        self._note = self.target.with_name(f"{self.target.name}.part.json")
        self._reply: Any = None
        self._stream: Any = None
        self._fault: Optional[RidgelineError] = None
        self._attempts = 0
        self._before = 0
        self._total = 0
        self._over = False
        self._begun = False
        self._retry_ms = retry_ms
        self._stall = QTimer(self)
        self._stall.setSingleShot(True)
        self._stall.setInterval(stall_ms)
        self._stall.timeout.connect(self._on_stall)
        self._hashed.connect(self._on_hashed)

    def start(self) -> None:
        """Begin, or go on with what an earlier attempt has left."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            self._end(_unwritable(self.target, fault))
            return
        scheme = QUrl(self.order.url).scheme().lower()
        if scheme not in ("http", "https", "file"):
            self._end(_failed(tr("“{url}” is no address of a file.", url=self.order.url), tr("It begins with https.")))
            return
        self._ask()

    def cancel(self) -> None:
        """Stop; what has come is kept for the next time."""
        self._end(Cancelled(tr("The download was cancelled; it goes on from here next time.")))

    def _ask(self) -> None:
        if self._over:
            return
        self._attempts += 1
        self._fault, self._begun = None, False
        note = self._read_note()
        self._before = self._part.stat().st_size if note is not None and self._part.is_file() else 0
        request = QNetworkRequest(QUrl(self.order.url))
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute,
            QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy,
        )
        request.setAttribute(
            QNetworkRequest.Attribute.CacheLoadControlAttribute, QNetworkRequest.CacheLoadControl.AlwaysNetwork
        )
        request.setAttribute(QNetworkRequest.Attribute.CacheSaveControlAttribute, False)
        request.setRawHeader(b"Accept-Encoding", b"identity")  # bytes are counted and hashed as they lie on the server
        if self._before:
            request.setRawHeader(b"Range", f"bytes={self._before}-".encode())
            request.setRawHeader(b"If-Range", str((note or {})["validator"]).encode())
        self._reply = QgsNetworkAccessManager.instance().get(request)
        self._reply.readyRead.connect(self._on_bytes)
        self._reply.finished.connect(self._on_finished)
        self._stall.start()

    def _on_bytes(self) -> None:
        reply = self._reply
        if reply is None or self._over:
            return
        self._stall.start()
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if status is not None and int(status) not in (200, 206):
            return  # an error's text, or a redirection's
        try:
            if not self._begun:
                self._begin(reply, status)
            data = bytes(reply.readAll())
            self._stream.write(data)
        except OSError as fault:
            self._end(_unwritable(self.target, fault))
            return
        except RidgelineError as fault:
            self._end(fault)
            return
        done = self._stream.tell()
        if done > (self._total or MAX_BYTES):
            self._forget()
            self._end(
                _failed(
                    tr("The server sends more than the {size} bytes that were announced.", size=self._total),
                    tr("Do not use this address."),
                )
                if self._total
                else _too_large()
            )
            return
        self.progressed.emit(float(done), float(self._total))

    def _begin(self, reply: Any, status: Any) -> None:
        """Open the file: at its end where the server sends the rest, else anew."""
        match = _RANGE.fullmatch(bytes(reply.rawHeader(b"Content-Range")).decode("ascii", "replace").strip())
        goes_on = status is not None and int(status) == 206
        if goes_on and (match is None or int(match.group(1)) != self._before):
            self._forget()
            raise _failed(tr("The server sends another part than was asked for."), tr("Start the download again."))
        length = reply.header(QNetworkRequest.KnownHeaders.ContentLengthHeader)
        if not goes_on:
            self._before = 0
        stated = self._before + int(length) if length is not None and int(length) >= 0 else 0
        expected = self.order.size_bytes
        if expected and stated and stated != expected:
            self._forget()
            raise _failed(
                tr("The file has {there} bytes where {expected} were announced.", there=stated, expected=expected),
                tr("It was changed since the catalogue was written; do not use it."),
            )
        self._total = expected or stated
        if self._total > MAX_BYTES:
            raise _too_large()
        validator = bytes(reply.rawHeader(b"ETag")) or bytes(reply.rawHeader(b"Last-Modified"))
        text = validator.decode("latin-1")
        if text and not text.startswith("W/"):  # a weak ETag does not promise the same bytes
            self._note.write_text(json.dumps({"url": self.order.url, "validator": text}), encoding="utf-8")
        elif self._note.exists():
            self._note.unlink()
        self._stream = self._part.open("ab" if goes_on else "wb")
        self._begun = True

    def _on_stall(self) -> None:
        self._fault = _failed(
            tr("The server has stopped sending."), tr("Try again: the download goes on where it broke off.")
        )
        if self._reply is not None:
            self._reply.abort()

    def _on_finished(self) -> None:
        reply, self._reply = self._reply, None
        if reply is None or self._over:
            return
        self._stall.stop()
        if reply.error() == QNetworkReply.NetworkError.NoError and self._fault is None:
            self._reply = reply
            self._on_bytes()  # what came with the end; it may be too much, and then all is over
            if self._is_over():
                return
            self._reply = None
        done = self._close()
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        error, text = reply.error(), reply.errorString()
        reply.deleteLater()
        if status is not None and int(status) == 416:  # what we have is no part of what lies there now
            self._forget()
            self._again(_failed(tr("The file on the server has changed."), tr("Try again.")))
        elif self._fault is not None:
            self._again(self._fault)
        elif error != QNetworkReply.NetworkError.NoError:
            fault = _failed(tr("The download failed: {why}", why=text), tr("Check the address and the network."))
            if status is not None and 400 <= int(status) < 500:
                self._end(fault)
            else:
                self._again(fault)
        elif not self._begun or (self._total and done < self._total):
            self._again(
                _failed(
                    tr("The connection broke off after {done} of {total} bytes.", done=done, total=self._total or "?"),
                    tr("Try again: the download goes on where it broke off."),
                )
            )
        else:
            self._check()

    def _is_over(self) -> bool:
        return self._over

    def _again(self, fault: RidgelineError) -> None:
        if self._attempts < ATTEMPTS:
            QTimer.singleShot(self._retry_ms, self._ask)
        else:
            self._end(fault)

    def _check(self) -> None:
        """Compare the hash, in a thread: large files take seconds."""
        if self.order.sha256:
            threading.Thread(target=self._hash, name="ridgeline hash", daemon=True).start()
        else:
            self._on_hashed("")

    def _hash(self) -> None:
        try:
            found = file_hash(self._part)
        except OSError as fault:
            found = str(fault)  # no hash, and so not the one that is wanted
        try:
            self._hashed.emit(found)
        except RuntimeError:
            self._over = True  # the object went while QGIS ends

    def _on_hashed(self, found: str) -> None:
        """Give the file its name if it is the right one."""
        if self._over:
            return
        if found != self.order.sha256.lower():
            self._forget()
            self._end(
                _failed(
                    tr("The file is not the one that was announced: its SHA-256 is another."),
                    tr("It was deleted. Do not use this address, and tell whoever wrote the catalogue."),
                )
            )
            return
        try:
            os.replace(self._part, self.target)
            self._note.unlink(missing_ok=True)
        except OSError as fault:
            self._end(_unwritable(self.target, fault))
            return
        self._over = True
        self.succeeded.emit(str(self.target))

    def _end(self, fault: RidgelineError) -> None:
        if self._over:
            return
        self._over = True
        self._stall.stop()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()
        self._close()
        self.failed.emit(fault)

    def _close(self) -> int:
        stream, self._stream = self._stream, None
        if stream is None:
            return 0
        done = int(stream.tell())
        stream.close()
        return done

    def _forget(self) -> None:
        """Delete what has come."""
        self._close()
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _read_note(self) -> Optional[Dict[str, Any]]:
        """Return the note beside the part, None if it does not belong to this address."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        valid = isinstance(note, dict) and note.get("url") == self.order.url and note.get("validator")
        return note if valid else None


def file_name(url: str) -> str:
    """Return a harmless name for the file of an address: its own, told apart from others by the address's hash."""
    own = _NAME.sub("_", QUrl(url).fileName()).lstrip(".")[-80:] or "model.zip"
    return f"{hashlib.sha256(url.encode()).hexdigest()[:12]}_{own}"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _failed(message: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.DOWNLOAD_FAILED, message, hint)


def _too_large() -> RidgelineError:
    return _failed(tr("The file is too large for a model."), tr("Check the address."))


def _unwritable(path: Path, fault: OSError) -> RidgelineError:
    if fault.errno == 28:  # ENOSPC
        return RidgelineError(
            ErrorCode.DISK_FULL, tr("The disk is full."), tr("Free some space: the download goes on from here.")
        )
    return RidgelineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        tr("The file {name} cannot be written: {why}.", name=path.name, why=fault.strerror or fault),
        tr("Check the folder {folder}.", folder=path.parent),
    )
