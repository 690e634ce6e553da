"""How the house is kept: rooms with a sentence, files of one size, functions that say what they take and raise.

Who may import whom is in `test_layers.py`.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400
ARRAYS = re.compile(r"\b(NDArray|Tensor|FloatArray|BoolArray|IntArray)\b")
SHAPE = re.compile(r"\[[^\]]*\]|scalar|shape")
"""What says a shape: brackets such as [H, W], or that it is one number, or that of another array."""
ENGINE_CALLERS = (
    "plugin/engine_link/",
    "plugin/processing/",
    "plugin/dock/logic/library.py",
    "plugin/preview/warm_engine.py",
)


def sources(*folders):
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"__pycache__", ".cache"} & set(path.parts)
    ]


SHIPPED = sources("engine", "plugin")
NAMES = [path.relative_to(ROOT).as_posix() for path in SHIPPED]


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def public_functions(node, above=()):
    """Yield (dotted name, function, docstring with those of its classes) of what others may call."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_functions(child, (*above, child))
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not child.name.startswith("_"):
            told = [ast.get_docstring(item) or "" for item in (child, *above)]
            yield ".".join(item.name for item in (*above, child)), child, told


def annotations(function):
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    found = [item.annotation for item in arguments if item.annotation] + (
        [function.returns] if function.returns else []
    )
    return [ast.unparse(item) for item in found]


def raised(node):
    """Yield what a function raises itself, not what those inside it raise."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            yield ast.unparse(child.exc.func if isinstance(child.exc, ast.Call) else child.exc)
        yield from raised(child)


def calls(tree):
    """Yield the dotted names of all that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_the_checks_see_what_they_should():
    tree = ast.parse(
        "def depth(a: NDArray[Any]) -> Tensor:\n    'Return it.'\n    raise ValueError('no')\n"
        "def told(a: Tensor):\n    'Return [H, W].'\n    raise KeyError\n"
        "def _own(a: Tensor):\n    raise KeyError\n"
    )
    assert [name for name, _function, _told in public_functions(tree)] == ["depth", "told"]
    depth = tree.body[0]
    assert annotations(depth) == ["NDArray[Any]", "Tensor"] and list(raised(depth)) == ["ValueError"]
    assert not SHAPE.search(ast.get_docstring(depth)) and SHAPE.search(ast.get_docstring(tree.body[1]))


def test_every_folder_says_in_a_sentence_what_it_is_for():
    folders = {path.parent for path in SHIPPED}
    assert len(folders) > 20
    for folder in sorted(folders):
        first = folder / "__init__.py"
        assert first.is_file(), f"{folder.relative_to(ROOT)} has no __init__.py"
        assert ast.get_docstring(tree_of(first)), f"{first.relative_to(ROOT)} says nothing"


def test_no_file_is_long_without_a_reason():
    for path in sources("engine", "plugin", "tests", "tools", "resources"):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MOST_LINES:
            reason = ast.get_docstring(ast.parse(text)) or ""
            assert "One file because" in reason, (
                f"{path.relative_to(ROOT)}: split it, or say “One file because …” on top"
            )


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_public_functions_say_shapes_and_faults(path):
    bare = []
    for name, function, told in public_functions(tree_of(path)):
        if not told[0] and not any(ast.unparse(item).endswith("override") for item in function.decorator_list):
            bare.append(f"{name} has no docstring")
        if any(ARRAYS.search(text) for text in annotations(function)) and not any(SHAPE.search(text) for text in told):
            bare.append(f"{name} does not say the shape of its arrays")
        faults = set(raised(function)) - {"NotImplementedError"}
        if faults and "Raises:" not in told[0]:
            bare.append(f"{name} does not say that it raises {', '.join(sorted(faults))}")
    assert not bare


@pytest.mark.parametrize("path", sources("plugin"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_qgiss_own_python_is_neither_started_nor_changed(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("executable", "path", "modules", "meta_path"), f"line {node.lineno}"
    assert not {name for name in calls(tree_of(path)) if name.split(".")[0] in ("ensurepip", "pip", "site")}


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_no_port_is_opened(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:import|from)\s+(?:http\.server|socketserver|xmlrpc|asyncio)\b", text, re.MULTILINE)
    assert not {name for name in calls(tree_of(path)) if name.split(".")[-1] in ("bind", "listen", "create_server")}


@pytest.mark.parametrize("path", sources("plugin"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_engine_is_started_from_few_rooms(path):
    """Processing algorithms run jobs; the Models page tends the library, and the preview keeps one engine warm."""
    if not path.relative_to(ROOT).as_posix().startswith(ENGINE_CALLERS):
        assert not {name for name in calls(tree_of(path)) if name in ("run_job", "ask_engine", "EngineProcess")}


@pytest.mark.parametrize(
    "path", sources("engine", "plugin", "tests"), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_the_import_name_is_ridgeline_everywhere(path):
    for node in ast.walk(tree_of(path)):
        names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        assert not {name for name in names if name.split(".")[0] in ("engine", "plugin")}, f"line {node.lineno}"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 brings the reader of TOML")
def test_inference_is_the_base_set_and_training_an_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[ ]", item)[0] for item in project["dependencies"]}
    assert names == {"numpy", "scipy", "rasterio", "shapely", "pyogrio", "onnxruntime"}
    assert any(item.startswith("torch>") for item in project["optional-dependencies"]["train"])


@pytest.mark.parametrize(("name", "runtime"), [("inference", "onnxruntime"), ("inference-gpu", "onnxruntime-gpu")])
def test_one_onnx_runtime_is_installed_never_both(name, runtime):
    text = (ROOT / "resources" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert set(re.findall(r"^(onnxruntime[\w-]*)==", text, re.MULTILINE)) == {runtime}
    assert not re.search(r"^(torch|timm)==", text, re.MULTILINE)


def test_nothing_compiled_and_nothing_large_is_tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert not [file for file in files if file.suffix in (".pyc", ".so", ".dll", ".pt", ".pth", ".pkl", ".zip", ".whl")]
    assert not [file for file in files if file.is_file() and file.stat().st_size > 10_000_000]
