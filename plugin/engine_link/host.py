"""What the engine's child needs to know of the QGIS it is started from: its folders and its proxy."""

import os
import sys
from typing import Dict, List, Mapping
from urllib.parse import quote

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkProxyFactory, QNetworkProxyQuery

PACKAGE_SITE = "https://www.python.org"


def qgis_folders(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> List[str]:
    """Return the folders that belong to QGIS alone; none where QGIS is part of the operating system (``/usr``)."""
    folders = [environment.get("OSGEO4W_ROOT", ""), environment.get("APPDIR", ""), environment.get("CONDA_PREFIX", "")]
    prefix = QgsApplication.prefixPath()
    if platform == "darwin":
        folders.append(prefix.split(".app/")[0] + ".app" if ".app/" in prefix else "")
    elif platform == "win32":
        # …/apps/qgis-ltr: the folder above "apps" is QGIS's installation
        parts = prefix.replace("\\", "/").split("/apps/")
        folders.append(parts[0].replace("/", "\\") if len(parts) > 1 else prefix)
    return [folder for folder in folders if folder]


def proxy_variables() -> Dict[str, str]:
    """Return the variables that make a child use QGIS's proxy; none if QGIS uses none.

    Names are given in both spellings, because programs differ in which one they read.
    """
    settings = QgsSettings()
    if not settings.value("proxy/proxyEnabled", False, type=bool):
        return {}
    kind = str(settings.value("proxy/proxyType", "") or "")
    if kind == "DefaultProxy":
        address = _system_proxy()
    else:
        host, port = str(settings.value("proxy/proxyHost", "") or ""), settings.value("proxy/proxyPort", "")
        user = str(settings.value("proxy/proxyUser", "") or "")
        password = str(settings.value("proxy/proxyPassword", "") or "")
        scheme = "socks5h" if kind.startswith("Socks5") else "http"
        address = proxy_address(scheme, host, str(port or ""), user, password)
    if not address:
        return {}
    variables = {"HTTP_PROXY": address, "HTTPS_PROXY": address, "ALL_PROXY": address}
    excluded = settings.value("proxy/noProxyUrls", []) or settings.value("proxy/proxyExcludedUrls", []) or []
    if isinstance(excluded, str):
        excluded = excluded.split("|")
    hosts = [QUrl.fromUserInput(str(item)).host() for item in excluded if item]
    variables["NO_PROXY"] = ",".join(["localhost", "127.0.0.1", *[host for host in hosts if host]])
    return {**variables, **{name.lower(): value for name, value in variables.items()}}


def proxy_address(scheme: str, host: str, port: str, user: str, password: str) -> str:
    """Return the address of a proxy as programs expect it, or an empty text without a host."""
    if not host:
        return ""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return f"{scheme}://{login}{host}" + (f":{port}" if port and port != "0" else "")


def _system_proxy() -> str:
    for proxy in QNetworkProxyFactory.systemProxyForQuery(QNetworkProxyQuery(QUrl(PACKAGE_SITE))):
        if proxy.type() in (QNetworkProxy.ProxyType.HttpProxy, QNetworkProxy.ProxyType.HttpCachingProxy):
            return proxy_address("http", proxy.hostName(), str(proxy.port()), proxy.user(), proxy.password())
        if proxy.type() == QNetworkProxy.ProxyType.Socks5Proxy:
            return proxy_address("socks5h", proxy.hostName(), str(proxy.port()), proxy.user(), proxy.password())
    return ""
