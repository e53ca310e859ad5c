"""Options: each one is read wherever it is taken, or refused with one sentence."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from forecast_fixture import made

from samenet.cli import main
from samenet.cli.commands import options
from samenet.experiments.scaling import forecast
from samenet.experiments.scaling.forecast import Forecast

NAMES = [*main.SHOWN, *main.REST]


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"samenet.cli.commands.{name}")


def commands_of(command: click.Command) -> Iterator[click.Command]:
    """Yield a command, or all of a group."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from commands_of(each)
    else:
        yield command


def read_in(module: ModuleType, callback: str) -> set[str]:
    """Return the parameters that the code of a command reads.

    Its own arguments by name; what arrives as **options by the text of the key, in the bodies of
    the module's functions (not in their decorators, which name every option).
    """
    tree = ast.parse(inspect.getsource(module))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    own = next(node for node in functions if node.name == callback)
    inside = [node for stmt in own.body for node in ast.walk(stmt)]
    found = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    if own.args.kwarg:
        bodies = [
            node for function in functions for stmt in function.body for node in ast.walk(stmt)
        ]
        reads = [node.slice for node in bodies if isinstance(node, ast.Subscript)]
        reads += [e for n in bodies if isinstance(n, ast.Tuple) for e in n.elts]
        found |= {
            n.value for n in reads if isinstance(n, ast.Constant) and isinstance(n.value, str)
        }
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_a_command_is_read(name: str) -> None:
    """No option is taken and forgotten by the code of its command."""
    module = module_of(name)
    for command in commands_of(module.command):
        assert command.callback is not None
        asked = {str(p.name) for p in command.params if p.expose_value}
        assert asked <= read_in(module, command.callback.__name__)


def declared() -> dict[str, click.Option]:
    """Return the options that are declared once for all commands, by their names."""

    def bare() -> None: ...

    for decorator in (getattr(options, name) for name in SHARED):
        decorator(bare)
    return {each.opts[0]: each for each in bare.__click_params__}  # type: ignore[attr-defined]


SHARED = ("as_json", "device", "threads", "dtype", "dry_run", "worker_limit")
OTHERWISE = {("advise", "--device")}
"""Where a name says something else: advice is narrowed to a device, nothing is computed there."""


def deviating(name: str, commands: Iterable[click.Command]) -> list[tuple[str, str]]:
    """Return (command, option) of what a command declares in another way than all others."""
    known = declared()
    return [
        (name, option.opts[0])
        for command in commands
        for option in command.params
        if option.opts[0] in known
        if option.to_info_dict() != known[option.opts[0]].to_info_dict()
    ]


def test_a_shared_option_is_the_same_in_every_command() -> None:
    """`--json`, `--device`, `--threads` and the like have one name, default, type and help."""
    found = [
        pair for name in NAMES for pair in deviating(name, commands_of(module_of(name).command))
    ]
    assert set(found) == OTHERWISE


def test_each_shared_option_is_shared() -> None:
    """Two commands at least have each option that is declared for all: the test above has a use."""
    counts = Counter(
        option.opts[0]
        for name in NAMES
        for command in commands_of(module_of(name).command)
        for option in command.params
    )
    assert len(declared()) == len(SHARED)
    assert all(counts[name] >= 2 for name in declared())


def test_another_help_of_a_shared_option_is_found() -> None:
    """A command that explains `--json` in words of its own deviates."""

    @click.command()
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def planted() -> None: ...

    assert deviating("planted", [planted]) == [("planted", "--json")]


MODEL = ["advise", "--model", "64-256-128-10", "--batch", "512", "--samples", "100000"]
ASKED = [*MODEL, "--epochs", "20"]


def fitted(arm: str, **changes: object) -> Forecast:
    """Return a forecast of planted costs with what a ladder knows of its framework."""
    known: dict[str, object] = {
        "device": "cpu", "offers": ("gpu", "autodiff"), "install_bytes": 300_000_000,
        "import_seconds": 2.0, **changes,
    }  # fmt: skip
    slower = float(str(known.pop("slower", 1.0)))
    plain = made(arm, slower)
    values = {name: getattr(plain, name) for name in Forecast.__dataclass_fields__}
    return Forecast(**{**values, **known})  # type: ignore[arg-type]


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small and a large framework have been fitted; the large one is 1.5 times as fast."""
    small = fitted("small", slower=1.5, offers=("sklearn-api",), install_bytes=90_000_000,
                   import_seconds=0.5)  # fmt: skip
    monkeypatch.setattr(forecast, "recall", lambda: [fitted("large"), small])


def answered(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> dict[str, object]:
    """Return the JSON answer to a command line."""
    assert main._code([*arguments, "--json"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (["--need", "sklearn-api"], "it does not have scikit-learn’s interface."),
        (["--max-install-mb", "100"], "it takes 300 MB with all that it requires."),
        (["--max-import-seconds", "1"], "it is imported in 2 s."),
    ],
)
@pytest.mark.usefixtures("costs")
def test_a_need_or_a_limit_narrows_a_prediction(
    option: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the fastest does not meet leaves it out, with the number, and the other is advised."""
    assert answered(capsys, *ASKED)["choice"] == ["large"]
    found = answered(capsys, *ASKED, *option)
    assert found["choice"] == ["small"]
    assert found["excluded"] == {"large": f"large is left out: {reason}"}


@pytest.mark.usefixtures("costs")
def test_a_time_limit_holds_for_the_whole_predicted_interval(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A training whose interval reaches beyond the limit is left out; with none left, exit 6."""
    highs = {
        arm: each["high"]
        for arm, each in answered(capsys, *ASKED)["seconds"].items()  # type: ignore[attr-defined]
    }
    between = f"{(highs['large'] + highs['small']) / 2:.1f}s"
    found = answered(capsys, *ASKED, "--time-limit", between)
    assert found["choice"] == ["large"]
    assert "small is left out: it trains for" in str(found["excluded"])
    none = answered(capsys, *ASKED, "--time-limit", "1s", code=6)
    assert none["choice"] == []
    assert "meets all that is asked" in str(none["lines"])


@pytest.mark.usefixtures("costs")
def test_a_prediction_is_for_the_device_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Costs of a processor say nothing about a GPU; where both are known, each is for its own."""
    assert main._code([*ASKED, "--device", "cuda"]) == 6
    assert "samenet ladder --device cuda" in capsys.readouterr().err
    assert answered(capsys, *ASKED, "--device", "cpu")["choice"] == ["large"]
    monkeypatch.setattr(
        forecast, "recall", lambda: [fitted("large", device="cuda"), fitted("small")]
    )
    assert answered(capsys, *ASKED, "--device", "cuda:0")["choice"] == ["large"]
    found = answered(capsys, *ASKED, "--device", "cpu")
    assert found["choice"] == ["small"]
    assert "it was measured on cuda" in str(found["excluded"])


@pytest.mark.usefixtures("costs")
def test_a_prediction_takes_its_length_in_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """196 steps make an epoch of 100,000 samples in batches of 512: 20 epochs are 3920 steps."""
    in_steps = answered(capsys, *MODEL, "--steps", "3920")
    assert in_steps == answered(capsys, *ASKED)
    assert main._code([*ASKED, "--steps", "3"]) == 2
    assert "give one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*ASKED, "--task", "digits"], "--task names a task of a RUN"),
        ([*ASKED, "--serve", "latency"], "--serve ranks by predicting"),
        ([*ASKED, "--check"], "--check judges the predictions of a RUN"),
        *(
            (["advise", "run", "--check", *option], f"{option[0]} does not go with --check")
            for option in (
                ["--task", "digits"],
                ["--device", "cpu"],
                ["--epochs", "3"],
                ["--steps", "3"],
                ["--time-limit", "3s"],
                ["--max-install-mb", "3"],
                ["--max-import-seconds", "3"],
                ["--serve", "latency"],
                ["--need", "gpu"],
            )
        ),
        (["advise", "run", "--check", "--samples", "3"], "--samples belongs to --model"),
        (["run", "digits", "--kind", "binary"], "--kind is about the column of a table"),
        (["run", "digits", "--target", "y"], "--target names a column of a table"),
        (["compare", "a", "b", "--json", "--markdown"], "two forms of the answer"),
        (["certify", "digits", "--quick"], "--quick chooses the tasks"),
        (["certify", "--all", "--quick"], "exclude each other"),
        (["selftest", "--short"], "--short is about a test"),
        (["selftest", "--seed", "0"], "--seed is about a test"),
        (["report", "a", "--out", "b.html"], "--out is for several runs"),
        (["report", "a", "--format", "svg"], "add --figures DIR"),
    ],
)
@pytest.mark.usefixtures("costs")
def test_an_option_that_would_do_nothing_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where an option has no meaning the command says so in one sentence and exits with 2."""
    assert main._code(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_json_holds_no_number_that_is_not_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not finite is null: `NaN` and `Infinity` are not JSON."""
    shared = importlib.import_module("samenet.cli.commands.options")
    shared.print_json({"a": (1.5, float("nan")), "b": {"c": float("inf")}, "d": Path("x").name})
    assert json.loads(capsys.readouterr().out) == {"a": [1.5, None], "b": {"c": None}, "d": "x"}


@pytest.mark.parametrize(
    "option",
    [["--repeats", "7"], ["--cache", "warm"], ["--dtype", "float64"], ["--precision", "tf32"]],
    ids=lambda words: words[0],
)
def test_quick_starts_refuse_what_only_the_same_network_heeds(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Seven repeats were announced of a track that has three seeds, and three were measured."""
    assert main._code(["run", "iris", "--track", "quickstart", *option]) == 2
    assert f"{option[0]} is about the same network" in capsys.readouterr().err


def test_all_is_for_help_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """`samenet --all list` is refused; in either order with --help it shows every command."""
    assert main._code(["--all", "list"]) == 2
    assert "--all goes with --help" in capsys.readouterr().err
    for words in (["--all", "--help"], ["--help", "--all"], ["--all"]):
        assert main._code(words) == 0
        assert "selftest" in capsys.readouterr().out
    assert main._code(["--help"]) == 0
    assert "selftest" not in capsys.readouterr().out
