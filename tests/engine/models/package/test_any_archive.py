"""Whatever bytes and names a zip holds, it is unpacked inside its folder or refused by a fault of our own."""

import io
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import load_package
from ridgeline.engine.models.package.archive import extract_model, write_archive
from ridgeline.engine.models.package.validate import faults_of_package

LOOSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def whole(make_package, tmp_path):
    """The bytes of a good model's zip."""
    package = make_package()
    write_archive(package.folder, tmp_path / "whole.zip")
    return (tmp_path / "whole.zip").read_bytes()


def holds(raw, base):
    """Unpack; whatever comes, nothing lies outside the folder that it was unpacked to."""
    archive, folder = base / "any.zip", base / "in" / "side"
    archive.write_bytes(raw)
    folder.mkdir(parents=True)
    before = set(base.rglob("*"))
    try:
        extract_model(archive, folder)
        load_package(folder)
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_MODEL
        assert fault.message and fault.hint
    else:
        faults_of_package(folder)
    new = set(base.rglob("*")) - before
    assert all(folder in path.parents for path in new)
    assert not any(path.is_symlink() for path in new)


@settings(suppress_health_check=LOOSE)
@given(data=st.data())
def test_any_damage_to_a_zip(whole, tmp_path_factory, data):
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        # the directory at the end says what lies where
        at = data.draw(st.integers(0, len(raw) - 1) | st.integers(max(0, len(raw) - 400), len(raw) - 1))
        values = data.draw(st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0"]))
        raw[at : at + len(values)] = values
    cut = data.draw(st.none() | st.integers(0, len(raw)))
    holds(bytes(raw[:cut]), tmp_path_factory.mktemp("zip"))


names = st.one_of(
    st.text(min_size=1, max_size=12),
    st.lists(
        st.sampled_from(["..", ".", "a", "model.json", "C:", "\\", "", "con", " ", "~", "b" * 300]), min_size=1
    ).map("/".join),
    st.sampled_from(["/etc/x", "\\\\host\\x", "a/../../x", "model.json/x", "x\0y", "a\\..\\..\\b", "./model.json"]),
)
kinds = st.sampled_from([stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO, 0])


@pytest.mark.parametrize("names", [["a", "a/b"], ["a/b", "a"], ["x" * 300], ["d/" + "y" * 300 + "/z"]])
def test_names_that_do_not_go_together(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as opened:
        for name in ("model.json", *names):
            opened.writestr(name, b"{}")
    with pytest.raises(RidgelineError, match="cannot lie in one folder") as caught:
        extract_model(tmp_path / "any.zip", tmp_path / "in")
    assert caught.value.code is ErrorCode.BAD_MODEL


@settings(suppress_health_check=LOOSE)
@given(
    entries=st.lists(st.tuples(names, kinds, st.binary(max_size=40)), max_size=5),
    model=st.sampled_from([None, b"{}", b"[]", b"\xff", b'{"name": "a"}']),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_names_and_kinds_in_a_zip(tmp_path_factory, entries, model):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        if model is not None:
            opened.writestr("model.json", model)
        for name, kind, content in entries:
            item = zipfile.ZipInfo(name)
            item.filename = name  # as it is: ZipInfo tidies names up
            item.external_attr = (kind | 0o644) << 16
            opened.writestr(item, content)
    holds(buffer.getvalue(), tmp_path_factory.mktemp("zip"))
