"""What QGIS sets for itself never reaches the engine; what the user set does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.plugin.engine_link.child_environment import (
    LIBRARY_ONLY,
    OWNED_PREFIXES,
    child_environment,
    installer_environment,
)

OWNED = [
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONEXECUTABLE",
    "PYTHONSTARTUP",
    "PROJ_LIB",
    "PROJ_DATA",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "PIP_TARGET",
    "PIP_USER",
    "PIP_PREFIX",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "QGIS_PREFIX_PATH",
    "OSGEO4W_ROOT",
]


@pytest.mark.parametrize("name", OWNED)
def test_a_variable_that_qgis_owns_is_not_passed_on(name):
    result = child_environment({name: "/opt/qgis/x", "HOME": "/home/a"})
    assert result.get(name) != "/opt/qgis/x"
    assert result["HOME"] == "/home/a"


@given(st.dictionaries(st.from_regex(r"[A-Za-z_]{1,16}", fullmatch=True), st.text(max_size=8), max_size=12))
def test_nothing_else_is_lost_or_changed(variables):
    result = child_environment(variables)
    for name, value in variables.items():
        if not name.upper().startswith(OWNED_PREFIXES):
            assert result[name] == value
        elif name not in ("PYTHONNOUSERSITE", "PYTHONSAFEPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"):
            assert name not in result


def test_users_site_packages_and_working_folder_stay_out():
    result = child_environment({"PYTHONNOUSERSITE": ""})
    assert result["PYTHONNOUSERSITE"] == "1"
    assert result["PYTHONSAFEPATH"] == "1"


def test_an_engine_of_qgis_loads_models_from_the_library_only():
    assert child_environment({LIBRARY_ONLY: ""})[LIBRARY_ONLY] == "1"


def test_certificates_of_qgis_go_and_those_of_the_user_stay():
    base = {"SSL_CERT_FILE": "C:\\OSGeo4W\\bin\\curl-ca-bundle.crt", "REQUESTS_CA_BUNDLE": "C:\\corp\\ca.pem"}
    result = child_environment(base, qgis_folders=["C:\\OSGeo4W"], platform="win32")
    assert "SSL_CERT_FILE" not in result
    assert result["REQUESTS_CA_BUNDLE"] == "C:\\corp\\ca.pem"


def test_folders_of_qgis_leave_the_path_on_windows_whatever_their_case():
    base = {"Path": "C:\\OSGeo4W\\bin;C:\\Windows\\System32;c:\\osgeo4w\\apps\\Python312"}
    result = child_environment(base, qgis_folders=["C:\\OSGeo4W"], platform="win32")
    assert result["Path"] == "C:\\Windows\\System32"


def test_path_stays_whole_where_qgis_is_part_of_the_system():
    assert child_environment({"PATH": "/usr/bin:/bin"}, qgis_folders=[""])["PATH"] == "/usr/bin:/bin"


def test_a_companys_index_is_kept_for_installing_but_never_where_to_install():
    base = {"PIP_INDEX_URL": "https://mirror.example/simple", "PIP_TARGET": "/x", "PIP_CERT": "/ca.pem"}
    extra = installer_environment(base, {"HTTPS_PROXY": "http://proxy:8080"})
    result = child_environment(base, extra)
    assert result["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert result["PIP_CERT"] == "/ca.pem"
    assert "PIP_TARGET" not in result
    assert result["HTTPS_PROXY"] == "http://proxy:8080"
