"""The shape of the product, read from its source: what is loaded, who reads the clock.

Rules and reasons: CONTRIBUTING.md. Who may import whom is said by the contracts in pyproject.toml.
Most tests parse files and run nothing.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_tree import (
    CORE,
    LEAVES,
    ROOT,
    Function,
    Source,
    calls,
    dotted,
    functions,
    imports,
    product,
    sources,
    top,
    uses,
)

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
FRAMEWORKS = {
    name for each in CONTRACTS if each["id"] == "no framework" for name in each["forbidden_modules"]
}
"""What the parent and the core must not import; scikit-learn counts because it takes a second."""

SHARED_BY_LEAVES = {"numpy", "threadpoolctl"}
"""Libraries any adapter may use beside those that its header names."""

MODULES_OF = {
    **{name: {"cupy", "cupyx"} for name in ("cupy", "cupy-cuda12x", "cupy-cuda13x")},
    "jax": {"jax", "jaxlib"},
    "scikit-learn": {"sklearn"},
}
"""Import names of a distribution where they are not its own name."""

CLOCK = {
    "src/samenet/machine/clock.py": "the one module that reads the clock",
    "scripts/_setup.py": "runs before samenet is installed; times pip, not a framework",
    "scripts/dev/fuzz.py": "ends a fuzzer after so long; no result",
    "scripts/dev/growth.py": "processor time of whole commands; no result of a run",
}
CLOCK_MODULES = {"time", "timeit"}
NOT_A_CLOCK = {"time.sleep"}
NOW = {"now", "utcnow", "today"}

PRINTS = {"src/samenet/_console.py": "makes control characters visible first"}

RANDOM = {"src/samenet/_random.py": "the one module that draws random numbers"}

PLATFORM = {
    "src/samenet/machine/system.py": "processors, processes and their memory on this system",
    "src/samenet/machine/readings.py": "what of it changes from minute to minute",
}
PLATFORM_MODULES = {"psutil", "resource"}

# Who imports whom.


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = f"""
import sys
print(*({{name.partition(".")[0] for name in sys.modules}} & set({sorted(FRAMEWORKS)!r})))
"""


def test_importing_samenet_loads_no_framework() -> None:
    """`import samenet` loads neither a framework nor scikit-learn."""
    assert python(f"import samenet\n{LOADED}").split() == []


def test_importing_the_command_line_loads_no_framework() -> None:
    """`import samenet.cli.main` loads neither a framework nor scikit-learn."""
    assert python(f"import samenet.cli.main\n{LOADED}").split() == []


def test_opening_a_finished_run_loads_no_certificate() -> None:
    """To read a run nothing of what proves sameness is needed: no case, oracle or gate."""
    code = """import sys, samenet.analysis.frames
print(*(name for name in sys.modules if name.startswith("samenet.")))"""
    loaded = python(code).split()
    assert "samenet.runs.records" in loaded
    assert [name for name in loaded if name.startswith("samenet.certificate")] == []


def test_help_loads_no_framework() -> None:
    """`samenet --help` runs to its end without loading a framework or scikit-learn."""
    code = f"""
import sys
sys.argv = ["samenet", "--help"]
from samenet.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED")
{LOADED}"""
    output = python(code)
    assert "run" in output
    assert output.partition("LOADED")[2].split() == []


def framework(file: Source) -> str:
    """Return the framework an adapter's file belongs to: the folder it is in."""
    return Path(file.name).parts[1]


def header(file: Source) -> dict[str, object]:
    """Return the literal ADAPTER of an adapter file, or an empty one."""
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "ADAPTER":
            found = ast.literal_eval(node.value)
            assert isinstance(found, dict)
            return found
    return {}


def own_libraries(family: str) -> set[str]:
    """Return the import names of the distributions that a framework's headers name."""
    named: set[str] = set()
    for file in sources("adapters"):
        for key in ("distributions", "quickstart_distributions"):
            distributions = header(file).get(key, ())
            if framework(file) == family and isinstance(distributions, list | tuple):
                for name in "|".join(distributions).split("|"):
                    named |= MODULES_OF.get(name, {name.replace("-", "_")})
    return named | SHARED_BY_LEAVES


@pytest.mark.parametrize("file", sources("adapters"), ids=lambda s: s.name)
def test_an_adapter_imports_no_library_but_its_own(file: Source) -> None:
    """An adapter imports, beside samenet, what its header names, NumPy and threadpoolctl.

    Which parts of samenet, and that no framework imports another's, the import contracts say.
    """
    if file.name == "adapters/__init__.py":
        pytest.skip("the folder's docstring")
    known = own_libraries(framework(file)) | sys.stdlib_module_names | {"samenet"}
    assert {name for name in imports(file.tree) if top(name) not in known} == set()


def test_no_leaf_is_imported_under_its_bare_name() -> None:
    """Nothing loads `adapters`, `tasks` or `reports` by the names that belong to other projects."""
    assert [name for name in sys.modules if top(name) in LEAVES] == []


def test_no_leaf_is_named_like_a_library() -> None:
    """No file of a leaf folder shadows a library when it is run or its folder is on the path."""
    libraries = set(importlib.metadata.packages_distributions()) | FRAMEWORKS
    taken = (libraries | sys.stdlib_module_names) - {"__init__"}
    assert [s.name for s in sources(*LEAVES) if Path(s.name).stem in taken] == []


# One clock, one source of chance, one module that knows the platform.


def disguised(tree: ast.AST) -> set[str]:
    """Return the clock modules that are imported under another name."""
    aliases = (a for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names)
    return {a.name for a in aliases if a.name in CLOCK_MODULES and a.asname}


@pytest.mark.parametrize("file", sources(CORE, *LEAVES, "scripts"), ids=lambda s: s.name)
def test_only_one_module_reads_the_clock(file: Source) -> None:
    """Times come from samenet.machine.clock alone, so that they can be read, faked and trusted."""
    if file.name in CLOCK:
        pytest.skip(CLOCK[file.name])
    named = {n for n in imports(file.tree) if top(n) in CLOCK_MODULES and "." in n}
    used = {n for n in uses(file.tree) if top(n) in CLOCK_MODULES}
    dates = {n for n in calls(file.tree) if n.rpartition(".")[2] in NOW and top(n) != "clock"}
    assert (named | used | dates | disguised(file.tree)) - NOT_A_CLOCK == set()


@pytest.mark.parametrize("file", sources(CORE), ids=lambda s: s.name)
def test_text_for_people_goes_through_one_door(file: Source) -> None:
    """Only JSON is printed as it is: in any other text a name from data could steer a terminal."""
    echoed = [
        ast.unparse(node)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "print"}
    ]
    bare = [call for call in echoed if "json" not in call and file.name not in PRINTS]
    assert bare == []


def draws_as_its_framework(name: str) -> bool:
    """Return whether a file is an adapter's first example."""
    return name.startswith("adapters/") and Path(name).name.startswith("quickstart")


def test_only_an_adapter_s_first_example_draws_as_its_framework() -> None:
    """Samenet's own modules about quick starts have no such freedom, whatever they are called."""
    assert draws_as_its_framework("adapters/jax/quickstart.py")
    assert not draws_as_its_framework("src/samenet/worker/quickstart.py")
    assert not draws_as_its_framework("src/samenet/worker/contract/quickstart.py")


@pytest.mark.parametrize("file", sources(CORE, "adapters"), ids=lambda s: s.name)
def test_only_one_module_draws_random_numbers(file: Source) -> None:
    """Chance enters the core and the same-network loops through samenet._random alone."""
    if file.name in RANDOM:
        pytest.skip(RANDOM[file.name])
    if draws_as_its_framework(file.name):
        pytest.skip("a quick start draws as its framework does")
    drawn = {n for n in calls(file.tree) if n.startswith(("np.random.", "numpy.random."))}
    named = {n for n in imports(file.tree) if n.startswith("numpy.random") or top(n) == "random"}
    assert drawn | named == set()


@pytest.mark.parametrize("file", sources(CORE, *LEAVES), ids=lambda s: s.name)
def test_only_one_package_knows_the_platform(file: Source) -> None:
    """Affinity, peak memory and process trees are known to the package samenet.machine alone."""
    if file.name in PLATFORM:
        pytest.skip(PLATFORM[file.name])
    named = {n for n in imports(file.tree) if top(n) in PLATFORM_MODULES or "sched_" in n}
    used = {n for n in uses(file.tree) if n.startswith("os.sched_") or n.endswith("cpu_affinity")}
    assert named | used == set()


# What is installed.


def project() -> dict[str, dict[str, list[str]]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, dict[str, list[str]]] = tomllib.load(file)["tool"]
    return found


def test_packages_are_the_folders_with_an_init_file() -> None:
    """Every folder that is a package is listed in pyproject.toml, and nothing else is."""
    found = [f"samenet.{leaf}" for leaf in LEAVES if (ROOT / leaf / "__init__.py").exists()]
    for base, name in ((CORE, "samenet"), *((ROOT / leaf, f"samenet.{leaf}") for leaf in LEAVES)):
        for file in base.rglob("__init__.py"):
            parts = file.parent.relative_to(base).parts
            found.append(".".join((name, *parts)))
    assert sorted(set(found)) == sorted(project()["setuptools"]["packages"])


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names of the files in a wheel built from a copy of the repository."""
    setuptools = importlib.util.find_spec("setuptools") and importlib.metadata.version("setuptools")
    if not setuptools or int(setuptools.partition(".")[0]) < 77:
        pytest.skip("building the wheel without a network needs setuptools 77 or newer")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("src", *LEAVES):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder / name)
    command = "-m pip --disable-pip-version-check wheel --no-deps --no-build-isolation -w out ."
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=folder,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next((folder / "out").glob("*.whl"))) as archive:
        return archive.namelist()


def content(folder: str) -> set[str]:
    """Return the files of a folder as a wheel should hold them."""
    base = ROOT if folder in LEAVES else ROOT / "src"
    return {
        ("samenet/" if base == ROOT else "") + path.relative_to(base).as_posix()
        for path in (base / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", ["samenet", *LEAVES])
def test_wheel_holds_every_file(wheel: list[str], folder: str) -> None:
    """A wheel contains the core, the adapters, the tasks' TOML files, the report page's parts."""
    assert content(folder) - set(wheel) == set()


def test_wheel_claims_one_name_only(wheel: list[str]) -> None:
    """A wheel installs `samenet` and no other top-level name; the core's types come along."""
    assert [name for name in wheel if not name.startswith(("samenet/", "samenet-"))] == []
    assert "samenet/py.typed" in wheel


# How it is written.


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield the public functions and classes, and the public methods of public classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def is_annotated(function: Function) -> bool:
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    plain += [a for a in (arguments.vararg, arguments.kwarg) if a]
    return function.returns is not None and all(
        a.annotation is not None or a.arg in {"self", "cls"} for a in plain
    )


@pytest.mark.parametrize("file", product(), ids=lambda s: s.name)
def test_public_things_are_explained_and_annotated(file: Source) -> None:
    """Every module and every public class, function and method has a docstring and its types."""
    things = list(public(file.tree.body))
    silent = [t.name for t in things if not ast.get_docstring(t)]
    untyped = [t.name for t in things if isinstance(t, Function) and not is_annotated(t)]
    assert (silent, untyped) == ([], [])
    assert ast.get_docstring(file.tree)


@pytest.mark.parametrize("file", sources("tests"), ids=lambda s: s.name)
def test_every_test_says_what_it_guarantees(file: Source) -> None:
    """Every test begins with one sentence that says what it guarantees."""
    tests = [f for f in functions(file.tree) if f.name.startswith("test_")]
    assert [t.name for t in tests if not ast.get_docstring(t)] == []


NAMED_WELL = {"src/samenet/api.py", "src/samenet/cli", "src/samenet/selftest", "scripts"}
"""The packages in which no longer function has a local that says no more than that it was found."""

LONGER_THAN = 3


def bound(function: Function) -> set[str]:
    """Return the names of a function's parameters and locals."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = (node for node in ast.walk(function) if isinstance(node, ast.Name))
    return {a.arg for a in named} | {n.id for n in names if isinstance(n.ctx, ast.Store)}


def body_lines(function: Function) -> int:
    """Return how many lines a function has below its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def is_named_well(file: Source) -> bool:
    return any(f"{file.name}/".startswith(f"{package}/") for package in NAMED_WELL)


@pytest.mark.parametrize("file", [*filter(is_named_well, product())], ids=lambda s: s.name)
def test_a_local_is_named_by_what_it_holds(file: Source) -> None:
    """`found` says nothing in a function that a reader does not take in at a glance."""
    longer = [f for f in functions(file.tree) if body_lines(f) > LONGER_THAN]
    assert [f.name for f in longer if "found" in bound(f)] == []
