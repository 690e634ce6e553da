"""Downloads from a server that stalls, cuts off, lies about the size, redirects, and serves the wrong file."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rude_server import BODY, RudeServer

from ridgeline.engine.jobs import Cancelled, ErrorCode

SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server():
    rude = RudeServer()
    yield rude
    rude.stop()


@pytest.fixture
def fetch(qgis_app, qtbot, tmp_path):
    """Downloads and returns the path or the fault, and the download."""
    from ridgeline.plugin.net.download import Download, Order

    def run(url, sha256=SHA256, size=0, stall_ms=20_000):
        download = Download(Order(url, sha256, size), tmp_path / "downloads", stall_ms=stall_ms, retry_ms=20)
        ends = []
        download.succeeded.connect(ends.append)
        download.failed.connect(ends.append)
        download.start()
        qtbot.waitUntil(lambda: bool(ends), timeout=30_000)
        qtbot.wait(50)
        assert len(ends) == 1, ends
        return ends[0], download

    return run


def left(tmp_path):
    """Names of all files that are left."""
    folder = tmp_path / "downloads"
    return sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []


def test_a_good_server_gives_the_whole_file_under_its_own_name(server, fetch, tmp_path):
    path, download = fetch(server.url(), size=len(BODY))
    assert Path(path).read_bytes() == BODY and Path(path) == download.target
    assert left(tmp_path) == [download.target.name] and server.requests == 1


def test_redirections_are_followed(server, fetch):
    path, _download = fetch(server.url("moved"))
    assert Path(path).read_bytes() == BODY


def test_a_broken_connection_is_taken_up_where_it_broke(server, fetch):
    server.cut_after, server.cuts = 50_000, 2
    path, _download = fetch(server.url())
    assert Path(path).read_bytes() == BODY
    assert server.ranges == [None, "bytes=50000-", "bytes=100000-"]


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole(server, fetch):
    server.cut_after, server.cuts, server.resumes = 50_000, 1, False
    path, _download = fetch(server.url())
    assert Path(path).read_bytes() == BODY and server.requests == 2


def test_a_weak_validator_promises_nothing_so_the_whole_is_asked_for(server, fetch):
    server.cut_after, server.cuts, server.etag = 50_000, 1, 'W/"one"'
    path, _download = fetch(server.url())
    assert Path(path).read_bytes() == BODY and server.ranges == [None, None]


def test_a_file_that_has_changed_meanwhile_is_begun_anew(server, fetch, tmp_path):
    server.cut_after, server.cuts = 50_000, 99
    fault, _download = fetch(server.url())
    assert fault.code is ErrorCode.DOWNLOAD_FAILED and any(name.endswith(".part") for name in left(tmp_path))
    server.cuts, server.etag, server.body = 0, '"two"', BODY[::-1]
    path, _download = fetch(server.url(), sha256=hashlib.sha256(BODY[::-1]).hexdigest())
    assert Path(path).read_bytes() == BODY[::-1]


def test_what_came_from_another_address_is_never_gone_on_with(server, fetch):
    server.cut_after, server.cuts = 50_000, 99
    _fault, download = fetch(server.url())
    note = json.loads(download._note.read_text(encoding="utf-8"))
    download._note.write_text(json.dumps({**note, "url": "https://elsewhere.example/a.zip"}), encoding="utf-8")
    server.cuts, asked = 0, len(server.ranges)
    path, _download = fetch(server.url())
    assert Path(path).read_bytes() == BODY and server.ranges[asked:] == [None]


def test_the_size_is_asked_of_the_web_alone(qgis_app, qtbot, tmp_path):
    from qgis.PyQt.QtCore import QUrl

    from ridgeline.plugin.net.size import SizeQuestion

    (tmp_path / "a.zip").write_bytes(BODY)
    question = SizeQuestion(QUrl.fromLocalFile(str(tmp_path / "a.zip")).toString())
    with qtbot.waitSignal(question.answered) as answer:
        question.start()
    assert answer.args == [0, "The address must begin with https or http."]


def test_a_stalling_server_is_left_and_asked_again(server, fetch):
    server.stalls = 1
    path, _download = fetch(server.url(), stall_ms=400)
    assert Path(path).read_bytes() == BODY and server.requests == 2


def test_a_server_that_says_nothing_at_all_is_asked_again(server, fetch):
    server.mutes = 1
    path, _download = fetch(server.url(), stall_ms=400)
    assert Path(path).read_bytes() == BODY and server.mutes == 0


def test_fewer_bytes_than_the_catalogue_says_are_never_the_file(server, fetch, tmp_path):
    server.silent = True
    fault, download = fetch(server.url(), sha256="", size=len(BODY) + 10)
    assert "broke off" in fault.message and not download.target.exists()


def test_a_server_that_only_stalls_is_given_up_with_a_sentence(server, fetch, tmp_path):
    server.stalls = 99
    fault, download = fetch(server.url(), stall_ms=200)
    assert "stopped sending" in fault.message and not download.target.exists()


def test_a_wrong_file_is_deleted_and_named(server, fetch, tmp_path):
    fault, _download = fetch(server.url(), sha256="0" * 64)
    assert "SHA-256" in fault.message and left(tmp_path) == []


def test_a_size_that_is_not_the_announced_one_is_refused_before_the_file_comes(server, fetch, tmp_path):
    fault, _download = fetch(server.url(), size=len(BODY) - 1)
    assert str(len(BODY)) in fault.message and left(tmp_path) == []


def test_a_server_that_announces_more_than_it_sends_never_counts_as_done(server, fetch, tmp_path):
    server.announced = len(BODY) + 5000
    fault, download = fetch(server.url(), sha256="")
    assert fault.code is ErrorCode.DOWNLOAD_FAILED and not download.target.exists()


def test_a_server_that_sends_more_than_was_announced_is_stopped(server, fetch, tmp_path):
    server.silent = True
    fault, _download = fetch(server.url(), size=len(BODY) - 1)
    assert f"more than the {len(BODY) - 1} bytes" in fault.message and left(tmp_path) == []


def test_a_file_without_end_is_given_up(server, fetch, tmp_path, monkeypatch):
    from ridgeline.plugin.net import download

    monkeypatch.setattr(download, "MAX_BYTES", len(BODY) // 2)
    server.silent = True
    fault, _download = fetch(server.url())
    assert "too large" in fault.message and left(tmp_path) == []


def test_a_file_that_says_it_is_too_large_is_not_begun(server, fetch, tmp_path, monkeypatch):
    from ridgeline.plugin.net import download

    monkeypatch.setattr(download, "MAX_BYTES", len(BODY) // 2)
    fault, _download = fetch(server.url())
    assert "too large" in fault.message and left(tmp_path) == []


def test_another_part_than_was_asked_for_is_refused(server, fetch, tmp_path):
    server.cut_after, server.cuts, server.shift = 50_000, 1, 100
    fault, _download = fetch(server.url(), sha256="")
    assert "another part" in fault.message and left(tmp_path) == []


def test_a_missing_file_is_not_asked_for_again_and_again(server, fetch, tmp_path):
    fault, _download = fetch(server.url("nowhere"))
    assert fault.code is ErrorCode.DOWNLOAD_FAILED and left(tmp_path) == []


@pytest.mark.parametrize("url", ["ftp://example.org/a.zip", "javascript:alert(1)", "model.zip", ""])
def test_only_addresses_of_files_are_fetched(fetch, url):
    fault, _download = fetch(url)
    assert fault.code is ErrorCode.DOWNLOAD_FAILED and "is no address of a file" in fault.message


def test_a_cancelled_download_goes_on_next_time(server, fetch, qtbot, tmp_path):
    from ridgeline.plugin.net.download import Download, Order

    server.stalls = 1
    download = Download(Order(server.url(), SHA256), tmp_path / "downloads")
    ends = []
    download.failed.connect(ends.append)
    with qtbot.waitSignal(download.progressed, timeout=10_000):
        download.start()
    download.cancel()
    assert isinstance(ends[0], Cancelled)
    path, _download = fetch(server.url())
    assert Path(path).read_bytes() == BODY and server.ranges[-1] == "bytes=1000-"


def test_names_of_files_cannot_leave_the_folder(qgis_app):
    from ridgeline.plugin.net.download import file_name

    for url in ("http://a/../../etc/passwd", "http://a/%2e%2e%2fx", "http://a/b\\c", "http://a/", "http://a/.hidden"):
        name = file_name(url)
        assert "/" not in name and "\\" not in name and not name.startswith(".") and len(name) < 100
    assert file_name("http://a/m.zip") != file_name("http://b/m.zip")


def test_the_dialog_shows_size_and_licence_and_waits_for_consent(server, qtbot, monkeypatch):
    from qgis.PyQt.QtWidgets import QDialogButtonBox

    from ridgeline.plugin.dock.widgets.download_dialog import DownloadDialog
    from ridgeline.plugin.settings import CATALOGUE_URL, write_setting

    entry = {"name": "m", "version": "2", "title": "<b>M</b>", "url": "model.zip", "sha256": SHA256}
    entry.update(size_bytes=len(BODY), licence="CC-BY-4.0", description="Finds roofs.")
    server.catalogue = json.dumps({"format": 1, "models": [entry]}).encode()
    write_setting(CATALOGUE_URL, server.url("catalogue.json"))
    dialog = DownloadDialog()
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.list.count() == 1, timeout=10_000)
    assert "205" in dialog.list.item(0).text() and "CC-BY-4.0" in dialog.about.text()
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not button.isEnabled()
    dialog.agree.setChecked(True)
    assert button.isEnabled()
    button.click()
    assert dialog.order.url == server.url() and dialog.order.size_bytes == len(BODY) and dialog.order.sha256 == SHA256

    dialog.url.setText(server.url())
    assert not button.isEnabled() and not dialog.agree.isChecked()
    dialog.agree.setChecked(True)
    assert not button.isEnabled(), "its size has not been shown"
    dialog.look.click()
    qtbot.waitUntil(lambda: "205" in dialog.about.text(), timeout=10_000)
    assert button.isEnabled()
    dialog.sha256.setText("123")
    assert not button.isEnabled()
    dialog.release()


@pytest.mark.parametrize("text", [b"", b"[]", b"no json", b'{"format": 9, "models": []}', b'{"models": [{"name": 1}]}'])
def test_what_is_no_catalogue_is_told(server, qtbot, qgis_app, text):
    from ridgeline.plugin.net.catalogue import CatalogueFetch

    server.catalogue = text
    fetch = CatalogueFetch(server.url("catalogue.json"))
    with qtbot.waitSignal(fetch.failed, timeout=10_000) as fault:
        fetch.start()
    assert fault.args[0].message


@pytest.mark.parametrize("url", ["file:///home/me/model.zip", "file://server/share/model.zip"])
def test_a_catalogue_of_the_web_cannot_send_to_a_file(server, qtbot, qgis_app, url):
    from ridgeline.plugin.net.catalogue import CatalogueFetch

    entry = {"name": "m", "version": "2", "title": "M", "url": url, "sha256": SHA256, "size_bytes": 1, "licence": "x"}
    server.catalogue = json.dumps({"format": 1, "models": [entry]}).encode()
    fetch = CatalogueFetch(server.url("catalogue.json"))
    with qtbot.waitSignal(fetch.failed, timeout=10_000) as fault:
        fetch.start()
    assert "in place of an address" in fault.args[0].message


def test_a_catalogue_that_is_too_large_is_not_read_to_its_end(server, qtbot, qgis_app, monkeypatch):
    from ridgeline.plugin.net import catalogue

    monkeypatch.setattr(catalogue, "MAX_CATALOGUE_BYTES", 1000)
    server.catalogue = json.dumps({"format": 1, "models": [], "title": "x" * 2000}).encode()
    fetch = catalogue.CatalogueFetch(server.url("catalogue.json"))
    with qtbot.waitSignal(fetch.failed, timeout=10_000) as fault:
        fetch.start()
    assert "too large" in fault.args[0].message


def test_a_catalogue_that_never_comes_is_given_up(server, qtbot, qgis_app):
    from ridgeline.plugin.net.catalogue import CatalogueFetch

    server.mutes = 1
    fetch = CatalogueFetch(server.url("catalogue.json"), timeout_ms=300)
    with qtbot.waitSignal(fetch.failed, timeout=10_000) as fault:
        fetch.start()
    assert "does not answer" in fault.args[0].message


def test_the_shipped_catalogue_is_valid(qtbot, qgis_app):
    from ridgeline.plugin.net.catalogue import CatalogueFetch, catalogue_url

    fetch = CatalogueFetch(catalogue_url())
    with qtbot.waitSignal(fetch.succeeded, timeout=10_000) as got:
        fetch.start()
    assert got.args[0].format == 1
