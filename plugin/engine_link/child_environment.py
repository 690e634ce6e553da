"""The environment variables of a child: QGIS's own, without what QGIS sets for itself.

QGIS points its Python, PROJ, GDAL and Qt at its own files by variables. A foreign Python that inherits them loads the
wrong libraries, or installs packages beside the wrong interpreter (``PYTHONEXECUTABLE`` on OSGeo4W).
"""

import os
import sys
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Dict, Iterable, Mapping, Optional, Type

OWNED_PREFIXES = (
    "PYTHON",
    "PROJ_",
    "GDAL_",
    "OGR_",
    "GEOTIFF_",
    "QT_",
    "QML",
    "QGIS_",
    "LD_",
    "DYLD_",
    "PIP_",
    "VIRTUAL_ENV",
    "CONDA_",
    "OSGEO4W_",
    "GISBASE",
)
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
LIBRARY_ONLY = "RIDGELINE_LIBRARY_ONLY"
"""Set for every engine that QGIS starts: it loads models by their names in the library, and none from a folder that a
project, a Processing model or a batch file names."""
USERS_PIP_VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_PROXY",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
)
"""A company's own index and certificates: kept while installing; where to install never is."""


def child_environment(
    base: Mapping[str, str],
    extra: Optional[Mapping[str, str]] = None,
    qgis_folders: Iterable[str] = (),
    platform: str = sys.platform,
) -> Dict[str, str]:
    """Return the variables for the engine.

    Args:
        base: QGIS's variables (``os.environ``).
        extra: variables to set on top, such as those of the proxy.
        qgis_folders: folders that belong to QGIS; they leave PATH, and certificate files inside them are not passed on.
        platform: as ``sys.platform``.
    """
    folders = [folder for folder in qgis_folders if folder]
    kept = {
        name: value
        for name, value in base.items()
        if not name.upper().startswith(OWNED_PREFIXES)
        and not (name.upper() in CERTIFICATE_VARIABLES and _inside(value, folders, platform))
    }
    if folders:
        separator = ";" if platform == "win32" else ":"
        for name in [name for name in kept if name.upper() == "PATH"]:
            parts = kept[name].split(separator)
            kept[name] = separator.join(part for part in parts if part and not _inside(part, folders, platform))
    kept.update({"PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    kept[LIBRARY_ONLY] = "1"
    kept.update(extra or {})
    return kept


def installer_environment(base: Mapping[str, str], extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return what is set on top of `child_environment` while packages are installed.

    A company's index and certificates stay, pip asks nothing, and uv trusts the certificates of the operating system.
    """
    kept = {name: base[name] for name in USERS_PIP_VARIABLES if base.get(name)}
    kept.update({"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    kept.update({"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "UV_NO_PROGRESS": "1", "UV_HTTP_TIMEOUT": "120"})
    kept.update(extra or {})
    return kept


def _inside(path: str, folders: Iterable[str], platform: str) -> bool:
    kind: Type[PurePath] = PureWindowsPath if platform == "win32" else PurePosixPath
    item = kind(path)
    return any(kind(folder) in (item, *item.parents) for folder in folders)


def qgis_variables() -> Dict[str, str]:
    """Return QGIS's variables as they are now."""
    return dict(os.environ)
