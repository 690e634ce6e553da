"""What is taken over from QGIS: its proxy, its folders, its place for data."""

import pytest
from qgis.core import QgsApplication, QgsSettings

from ridgeline.plugin.engine_link.gpu import nvidia_gpu, nvidia_smi_path
from ridgeline.plugin.engine_link.host import proxy_address, proxy_variables, qgis_folders
from ridgeline.plugin.engine_link.run_tool import ToolRun


@pytest.fixture
def proxy_settings(qgis_app):
    settings = QgsSettings()
    names = ("proxyEnabled", "proxyType", "proxyHost", "proxyPort", "proxyUser", "proxyPassword", "noProxyUrls")

    def put(**values):
        for name, value in values.items():
            settings.setValue(f"proxy/{name}", value)

    yield put
    for name in names:
        settings.remove(f"proxy/{name}")


def test_no_proxy_no_variables(proxy_settings):
    assert proxy_variables() == {}
    proxy_settings(proxyEnabled=False, proxyType="HttpProxy", proxyHost="proxy", proxyPort="8080")
    assert proxy_variables() == {}


def test_the_proxy_of_qgis_is_passed_on_with_its_password(proxy_settings):
    proxy_settings(
        proxyEnabled=True, proxyType="HttpProxy", proxyHost="proxy.corp", proxyPort="8080", proxyUser="j d",
        proxyPassword="a@b:c", noProxyUrls=["http://intranet.corp/x"],
    )  # fmt: skip
    variables = proxy_variables()
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://j%20d:a%40b%3Ac@proxy.corp:8080"
    assert "intranet.corp" in variables["NO_PROXY"] and "localhost" in variables["NO_PROXY"]


def test_a_socks_proxy_resolves_names_itself(proxy_settings):
    proxy_settings(proxyEnabled=True, proxyType="Socks5Proxy", proxyHost="socks", proxyPort="1080")
    assert proxy_variables()["ALL_PROXY"] == "socks5h://socks:1080"


def test_a_proxy_without_a_host_is_none():
    assert proxy_address("http", "", "8080", "", "") == ""


def test_folders_of_qgis_by_system(monkeypatch, qgis_app):
    monkeypatch.setattr(QgsApplication, "prefixPath", staticmethod(lambda: "C:/Program Files/QGIS 3.40/apps/qgis-ltr"))
    assert qgis_folders("win32", {"OSGEO4W_ROOT": "C:\\OSGeo4W"}) == ["C:\\OSGeo4W", "C:\\Program Files\\QGIS 3.40"]
    monkeypatch.setattr(QgsApplication, "prefixPath", staticmethod(lambda: "/Applications/QGIS.app/Contents/MacOS"))
    assert qgis_folders("darwin", {}) == ["/Applications/QGIS.app"]
    monkeypatch.setattr(QgsApplication, "prefixPath", staticmethod(lambda: "/usr"))
    assert qgis_folders("linux", {}) == []


def test_a_gpu_counts_only_if_its_driver_answers(tmp_path):
    def answering(status, output):
        return lambda command, environment, **options: ToolRun(status, output)

    smi = str(tmp_path / "nvidia-smi")
    assert nvidia_gpu({}, smi, answering(0, "NVIDIA RTX 4090, 550.54\n")) == "NVIDIA RTX 4090, 550.54"
    assert nvidia_gpu({}, smi, answering(9, "NVIDIA-SMI has failed because it couldn't communicate")) is None
    assert nvidia_gpu({}, smi, answering(0, "No devices were found")) is None
    assert nvidia_gpu({}, smi) is None


def test_the_drivers_program_is_looked_for_where_each_system_has_it(tmp_path):
    assert nvidia_smi_path("darwin", {}) is None
    root = tmp_path / "Windows"
    assert nvidia_smi_path("win32", {"SystemRoot": str(root)}) is None
    file = root / "System32" / "nvidia-smi.exe"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert nvidia_smi_path("win32", {"SystemRoot": str(root)}) == str(file)
