"""The report tells what helps and nothing about who the user is."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ridgeline.plugin.engine_link.diagnostics import diagnostics, scrub

SAMPLES = [
    "/home/maría/engine/bin/python",
    "C:\\Users\\maría\\AppData\\Local\\ridgeline",
    "c:/users/maría/x",
    "/Users/maría/Library",
    "\\\\?\\C:\\Users\\María\\x",
    json.dumps("C:\\Users\\maría\\x"),
    "process of maría on pc-maria-7",
]


def test_names_and_homes_are_gone():
    for home in ("/home/maría", "C:\\Users\\maría", "/Users/maría"):
        for sample in SAMPLES:
            assert "mar" not in scrub(sample, home=home, user="maría", host="pc-maria-7").lower(), (home, sample)


def test_other_peoples_homes_are_gone_too():
    assert scrub("/home/other/data.tif", home="/home/a", user="a", host="") == "/home/<user>/data.tif"
    assert "other" not in scrub("D:\\Users\\other\\x", home="C:\\Users\\a", user="a", host="")


def test_passwords_in_addresses_are_gone():
    text = scrub("http://jane:s3cret@proxy.corp:8080 and socks5h://bob@x", home="/h", user="zz", host="")
    assert "s3cret" not in text and "jane" not in text and "bob" not in text
    assert "proxy.corp:8080" in text


@given(st.text(alphabet="abcdefghijklmnop ü-_", min_size=3, max_size=20).map(str.strip).filter(lambda s: len(s) > 2))
def test_any_user_name_in_a_home_folder_is_gone(user):
    assert f"/{user}/" not in scrub(f"error in /home/{user}/x and again /home/{user}/y", f"/home/{user}", user, "")


def test_system_folders_stay_readable():
    assert scrub("/usr/bin/python3", home="/srv/anna", user="anna", host="box") == "/usr/bin/python3"


def test_the_report_holds_versions_and_state(qgis_app):
    report = diagnostics(last_error="The engine | died.", engine_log="a\n```\nb")
    assert report.startswith("## Ridgeline diagnostics")
    for word in ("| QGIS |", "| Qt |", "| System |", "missing:", "### Last error", "The engine | died.", "'''"):
        assert word in report
