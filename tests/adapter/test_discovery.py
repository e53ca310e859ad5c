"""Adapter files: read without being run, chosen by name, path or mode, refused in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from samenet.adapter import Header, discovery, file_checks
from samenet.errors import UsageError

FAKES = Path(__file__).parents[1] / "helpers"

HEADER = """
ADAPTER = {
    "name": "NAME",
    "title": "Mine",
    "modes": {
        "slow": {"why": "w", "source": "s"},
        "fast": {"why": "w", "source": "s", "default": True},
    },
    "imports": ["numpy"],
    "distributions": ["numpy"],
}
"""


def write(folder: Path, text: str, file: str = "mine_adapter.py") -> Path:
    """Write an adapter file and return its path."""
    path = folder / file
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_adapters_are_found_in_their_order() -> None:
    """NumPy first, as the reference, then the frameworks; helper files are no adapters."""
    assert list(discovery.shipped_adapters()) == [
        *("numpy", "scikit-learn", "tensorflow", "keras", "keras-torch", "keras-jax"),
        *("pytorch", "jax", "cupy"),
    ]
    assert all(found.quickstart_path is None or found.quickstart_path.exists()
               for found in discovery.shipped_adapters().values())  # fmt: skip


def test_a_header_is_read_without_running_the_file(tmp_path: Path) -> None:
    """The parent reads the header of a file that would end the process if it were run."""
    path = write(tmp_path, "raise SystemExit('it ran')\n" + HEADER.replace("NAME", "mine"))
    found = discovery.read(path)
    assert isinstance(found.header, Header)
    assert (found.header.name, found.default_modes) == ("mine", ["fast"])
    assert found.arm("fast") == "mine:fast"


def test_without_a_default_the_first_mode_runs(tmp_path: Path) -> None:
    """An adapter that marks no default runs in the mode it names first."""
    text = HEADER.replace("NAME", "mine").replace(', "default": True', "")
    assert discovery.read(write(tmp_path, text)).default_modes == ["slow"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\n", "is not an adapter: it has no line ADAPTER = "),
        ("ADAPTER = {\n", "line 1: "),
        ("ADAPTER = dict(name='a')\n", "line 1: this must be plain data"),
        ("ADAPTER = {'name': open('x')}\n", "line 1: this must be plain data"),
        ("ADAPTER = 7\n", "ADAPTER"),
        (HEADER.replace("NAME", "My Adapter"), "ADAPTER: name: .*'My Adapter'"),
        (HEADER.replace("NAME", "mine").replace("imports", "import"), "ADAPTER: import"),
        (HEADER.replace("NAME", "mine").replace('["numpy"]', "[]", 1), "ADAPTER: imports: "),
    ],
    ids=["no header", "syntax", "call", "nested call", "number", "name", "key", "no import"],
)
def test_a_broken_header_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """Every way a header can be wrong is said in one sentence with the file's name."""
    with pytest.raises(UsageError, match=sentence) as caught:
        discovery.read(write(tmp_path, text))
    assert "mine_adapter.py" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ('"variables": {"gpu": {"A": "1"}}', "variables.gpu: is not a known key"),
        ('"variables": {"cpu": {"A": 1}}', "variables.cpu.A: must be a text .got 1"),
        ('"variables": {"cpu": {"A B": "1"}}', "variables.cpu.A B"),
        (
            '"variables": {"cpu": {"A": "{threads}"}}',
            "cpu: A: {threads}: nothing is filled in there",
        ),
        (
            '"variables": {"cache": {"A": "{folder}"}}',
            "cache: A: {folder}: only {cache} is filled in there",
        ),
        ('"order": "first"', "order: must be a whole number .got 'first'"),
        ('"compile_seconds": {"xla": "long"}', "compile_seconds.xla: .*got 'long'"),
    ],
)
def test_a_wrong_variable_is_one_sentence(tmp_path: Path, key: str, sentence: str) -> None:
    """A group, name or placeholder that samenet does not know is named, with what it allows."""
    text = HEADER.replace("NAME", "mine").replace('"imports"', f'{key}, "imports"')
    with pytest.raises(
        UsageError, match=f"mine_adapter.py, ADAPTER: (variables: )?{sentence}"
    ) as caught:
        discovery.read(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_plan_with_an_older_header_keeps_its_text() -> None:
    """Keys that came later are not written for a header without them: its plan's seal holds."""
    old = {
        "name": "jax",
        "title": "JAX",
        "modes": {
            "scan": {
                "why": "w",
                "source": "https://s",
                "default": True,
                "needs": [],
                "compiler": "xla",
            }
        },
        "imports": ["jax"],
        "distributions": ["jax", "jaxlib"],
        "extra": "jax",
        "environment": {},
        "quickstart": "",
        "default": True,
        "predictors": "",
        "adoptable": True,
        "offers": ["gpu"],
        "color": "#18a2bd",
    }
    assert Header.model_validate(old).model_dump(mode="json") == old


@pytest.mark.parametrize("name", discovery.shipped_adapters())
def test_a_header_is_the_same_after_a_plan_was_written(name: str) -> None:
    """What a plan keeps of a header is all of it."""
    header = discovery.shipped_adapters()[name].header
    assert Header.model_validate_json(header.model_dump_json()) == header


def test_what_compiling_takes_is_guessed_by_the_compiler(tmp_path: Path) -> None:
    """A file's own guess counts, then that of a shipped header, then one for all compilers."""
    text = HEADER.replace("NAME", "mine").replace('"source": "s"', '"source": "s", "compiler": "C"')
    seconds = {"none": 0.0, "": 1.0, "xla": 1.25, "inductor": 8.5, "another": 1.0}
    for compiler, expected in seconds.items():
        header = discovery.read(write(tmp_path, text.replace('"C"', f'"{compiler}"'))).header
        assert discovery.compile_seconds(header, "fast") == expected
    own = header.model_copy(update={"compile_seconds": {"another": 3.0}})
    assert discovery.compile_seconds(own, "fast") == 3.0


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_file_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    """A file that is not there, or is no text, is named with the reason."""
    path = tmp_path / "mine_adapter.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="Cannot read the adapter"):
        discovery.read(path)


def test_nothing_chosen_means_every_framework_in_its_default_modes() -> None:
    """Without names, each shipped adapter runs once per default mode."""
    arms = [found.arm(mode) for found, mode in discovery.choose(())]
    assert arms[0] == "numpy:buffers"
    assert {"tensorflow:graph", "keras:fit", "pytorch:eager"} <= set(arms)
    assert "pytorch:compiled" not in arms


def test_a_mode_is_chosen_by_name_and_nothing_twice() -> None:
    """`pytorch:compiled` is that mode alone; a name given twice counts once."""
    chosen = discovery.choose(("pytorch:compiled", "numpy", "numpy:buffers"))
    assert [found.arm(mode) for found, mode in chosen] == ["pytorch:compiled", "numpy:buffers"]


@pytest.mark.parametrize(
    ("kinds", "modes"),
    [
        ({"dense"}, ["buffers"]),
        ({"dense", "conv2d", "flatten"}, ["plain"]),
        ({"dense", "lstm"}, ["plain"]),
        ({"dense", "batch_norm"}, ["plain"]),  # of the family of dense ones, but not only dense
        ({"dense", "dropout"}, ["plain"]),
    ],
)
def test_a_network_runs_in_a_mode_that_has_its_layers(kinds: set[str], modes: list[str]) -> None:
    """The mode that is best for a family of networks runs it; the default only if it has all."""
    assert discovery.shipped_adapters()["numpy"].modes_for(kinds) == modes
    assert [mode for _, mode in discovery.choose(("numpy",), [kinds])] == modes
    assert [mode for _, mode in discovery.choose(("numpy:buffers",), [kinds])] == ["buffers"]


def test_a_file_anywhere_is_an_adapter(tmp_path: Path) -> None:
    """A path with or without a mode works like a name."""
    path = write(tmp_path, HEADER.replace("NAME", "mine"))
    chosen = discovery.choose((str(path), f"{path}:slow"))
    assert [found.arm(mode) for found, mode in chosen] == ["mine:fast", "mine:slow"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pytorhc", r"Unknown framework 'pytorhc'\. Did you mean 'pytorch'\?"),
        ("pytorch:compile", r"Unknown mode of pytorch 'compile'\. Did you mean 'compiled'\?"),
        ("nothing.py", "Cannot read the adapter .*nothing.py"),
    ],
)
def test_an_unknown_framework_is_answered_with_the_nearest(name: str, sentence: str) -> None:
    """A misspelt framework or mode gets a suggestion."""
    with pytest.raises(UsageError, match=sentence):
        discovery.choose((name,))


def test_two_adapters_of_one_name_are_refused(tmp_path: Path) -> None:
    """Two files that call themselves the same are refused with what to change."""
    one = write(tmp_path, HEADER.replace("NAME", "mine"), "one.py")
    two = write(tmp_path, HEADER.replace("NAME", "mine"), "two.py")
    with pytest.raises(UsageError, match="change ADAPTER"):
        discovery.choose((str(one), str(two)))


def test_a_file_of_the_name_of_a_shipped_framework_is_refused(tmp_path: Path) -> None:
    """A copy of the NumPy adapter that kept its name cannot run beside the original."""
    copy = write(tmp_path, discovery.shipped_adapters()["numpy"].path.read_text(encoding="utf-8"))
    with pytest.raises(UsageError, match="both called 'numpy'"):
        discovery.choose(("numpy", str(copy)))


def test_the_digest_covers_what_the_adapter_imports(tmp_path: Path) -> None:
    """A certificate is void when the adapter or a file it imports changes, and only then."""
    write(tmp_path, "x = 1\n", "helper.py")
    found = discovery.read(
        write(tmp_path, HEADER.replace("NAME", "mine") + "\nimport helper\n", "mine.py")
    )
    before = discovery.digest(found)
    write(tmp_path, "x = 1\n", "mine_other.py")
    assert discovery.digest(found) == before
    write(tmp_path, "x = 2\n", "helper.py")
    assert discovery.digest(found) != before


def test_two_adapters_in_one_folder_are_two(tmp_path: Path) -> None:
    """Files that begin alike are no family: neither is blamed for the other's imports."""
    torch_file = write(tmp_path, HEADER.replace("NAME", "one") + "\nimport torch\n", "my_torch.py")
    jax_file = write(tmp_path, HEADER.replace("NAME", "two") + "\nimport jax\n", "my_jax.py")
    mine = discovery.read(torch_file)
    before = discovery.digest(mine)
    assert discovery.own_files(mine) == [torch_file]
    assert "jax" not in set(file_checks.imports(mine))
    jax_file.write_text(jax_file.read_text(encoding="utf-8") + "x = 1\n", encoding="utf-8")
    assert discovery.digest(mine) == before


def test_an_adapter_is_loaded_under_a_name_of_its_own() -> None:
    """Loading an adapter's file claims no import name that a library could have."""
    module = discovery.load(FAKES / "recorder_adapter.py")
    assert module.ADAPTER["name"] == "recorder"
    assert sys.modules[module.__name__] is module
    assert module.__name__.startswith("samenet_leaf_recorder_adapter_")


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    """Two people's `adapter.py` are loaded side by side."""
    paths = [tmp_path / name / "adapter.py" for name in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        write(path.parent, HEADER.replace("NAME", path.parent.name), path.name)
    one, two = map(discovery.load, paths)
    assert (one.ADAPTER["name"], two.ADAPTER["name"]) == ("one", "two")
    assert sys.modules[one.__name__] is one
