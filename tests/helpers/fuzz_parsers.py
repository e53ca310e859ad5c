"""Every parser of samenet as a fuzzer sees it: bytes become an input, which is accepted or refused.

`scripts/dev/fuzz.py` and tests/fuzz/ call `run`: it raises ParserFaultError for anything else than
an acceptance or one short sentence with exit code 2, and for a case that takes too long.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import numpy as np
from fuzz_choices import LONG, Choices, hostile, mutate_text, mutate_values
from report_fixture import MACHINE, recorded

from samenet.adapter import discovery
from samenet.adapter.api import Header
from samenet.adapter.dataset import DataCard, Dataset
from samenet.analysis import frames, regression
from samenet.analysis.result_document import ResultDocument
from samenet.cli.commands import advise, compare, report, resume, study
from samenet.cli.commands import run as run_command
from samenet.errors import MESSAGE_MAX, SamenetError
from samenet.execution import certificate_cache, planner
from samenet.execution.describe import Description
from samenet.experiments.scaling.forecast import parse_widths
from samenet.machine import cache as kept
from samenet.machine.devices import parse_device
from samenet.report import embedded_data, result
from samenet.runs.answer import AnswerFile
from samenet.runs.machine_facts import read_machine
from samenet.runs.plan import read_plan
from samenet.runs.records import checksum, decode, encode
from samenet.spec import Task, load_task, parse, set_value, shipped_tasks
from samenet.spec.csv_task import csv_task, read_csv
from samenet.spec.network import TaskKind
from samenet.spec.task import parse_toml
from samenet.spec.task_file import format_task_file

SECONDS_MAX = 5.0


class ParserFaultError(AssertionError):
    """A parser did something else than accept an input or refuse it in one sentence."""


def run(name: str, data: bytes) -> bool:
    """Give one case to a parser and return whether it was accepted; raises ParserFaultError."""
    started = time.perf_counter()
    try:
        PARSERS[name](Choices(data))
    except SamenetError as error:
        _judge(str(error), error.exit_code)
        return False
    except click.ClickException as error:
        _judge(error.format_message()[:MESSAGE_MAX], error.exit_code)  # cli.main cuts it
        return False
    except Exception as error:
        raise ParserFaultError(f"{name}: {type(error).__name__}: {str(error)[:300]}") from error
    finally:
        seconds = time.perf_counter() - started
    if seconds > SECONDS_MAX:
        raise ParserFaultError(f"{name}: {seconds:.1f} s")
    return True


def _judge(sentence: str, exit_code: int) -> None:
    """Refuse an answer that a person would not want to read."""
    if exit_code != 2 or not sentence or len(sentence) > MESSAGE_MAX:
        raise ParserFaultError(f"exit code {exit_code}, {len(sentence)} letters: {sentence[:400]}")


@cache
def _folder() -> Path:
    return Path(
        tempfile.mkdtemp(
            prefix="samenet-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        )
    )


def _written(name: str, content: str | bytes) -> Path:
    path = _folder() / name
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    path.write_bytes(data)
    return path


@cache
def _task_texts() -> list[str]:
    shipped = [(files("samenet.tasks") / f"{n}.toml").read_text("utf-8") for n in shipped_tasks()]
    return [*shipped, *(format_task_file(load_task(name)) for name in shipped_tasks()[:3])]


@cache
def _task_values() -> list[dict[str, Any]]:
    return [tomllib.loads(text) for text in _task_texts()]


def task_text(choices: Choices) -> None:
    """A task file with changes anywhere in its text."""
    text = mutate_text(choices.one_of(_task_texts()), choices)
    parse(Task, parse_toml(text, "mine.toml"), where="mine.toml")


def task_values(choices: Choices) -> None:
    """A task file with other values in right TOML; what is accepted can be written and read."""
    values = mutate_values(choices.one_of(_task_values()), choices)
    task = parse(Task, values, where="mine.toml")
    text = format_task_file(task)
    if parse(Task, parse_toml(text, "again.toml"), where="again.toml") != task:
        raise ParserFaultError("the task file holds another task")


KEYS = (
    *("training.epochs", "model.layers.0.units", "training.optimizer.learning_rate", "name"),
    *("data.options.rows", "goal", "schema", "model.layers.9.units", "training.schedule", ""),
    *("model.layers", "data.target", "model.layers.-1.activation", "training.optimizer.name"),
)


def set_option(choices: Choices) -> None:
    """--set KEY=VALUE as the planner takes it apart."""
    key = mutate_text(choices.one_of(KEYS), choices, most=1)
    value = hostile(choices)
    text = choices.one_of(
        ("32,64", "relu", _as_json(value), str(LONG[:300]), "1e400", "[1]", '"a"')
    )
    setting = mutate_text(f"{key}={text}", choices, most=1)
    values = json.loads(json.dumps(choices.one_of(_task_values())))
    for place, new in planner._changes(setting):
        set_value(values, place, new)
    parse(Task, values, where="--set")


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return "[" * 2000


TABLES = (
    "a,b,y\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n",
    "a;b;y\n1,5;x;0\n2,5;z;1\n;x;0\n3,5;z;1\n",
    'name\tn\ty\n"a\tb"\t1\tyes\nc\t2\tno\nd\tNA\tyes\n',
    "\ufeffdate,y\n2024-01-01,1.5\n2024-01-02,2.5\n?,3\n",
)


def table(choices: Choices) -> None:
    """A CSV file; an accepted one has finite numbers, and makes a task or says why not."""
    text = mutate_text(choices.one_of(TABLES), choices)
    path = _written("table.csv", text)
    frame = read_csv(path)
    numbers = frame.select_dtypes("number").to_numpy(float)
    if np.isinf(numbers).any():
        raise ParserFaultError("an infinite number was accepted")
    if choices.number(20) == 0:  # it reads the table again
        csv_task(path, "y", kind=choices.one_of((None, TaskKind.BINARY, TaskKind.REGRESSION)))


@cache
def _headers() -> list[str]:
    texts = []
    for leaf in discovery.shipped_adapters().values():
        text = leaf.path.read_text("utf-8")
        start = text.index("ADAPTER = {")
        texts.append(text[start : text.index("\n}\n", start) + 3])
    return texts


@cache
def _header_values() -> list[Any]:
    return [leaf.header.model_dump(mode="json") for leaf in discovery.shipped_adapters().values()]


def adapter(choices: Choices) -> None:
    """An adapter file: its header is read without running it."""
    if choices.number(2):
        parse(Header, mutate_values(choices.one_of(_header_values()), choices), where="mine.py")
        return
    discovery.read(_written("mine.py", mutate_text(choices.one_of(_headers()), choices)))


@cache
def _run() -> tuple[Any, list[Any]]:
    plan, records = recorded(
        tasks=("iris",), arms=("numpy:plain", "numpy:buffers"), repeats=2, epochs=3, trainings=1
    )
    values = plan.model_dump(mode="json", by_alias=True)
    bodies = [json.loads(encode(record)) for record in records]
    for body in bodies:
        del body["sha256"]
    return values, bodies


@cache
def _kinds_of_records() -> list[dict[str, Any]]:
    examples = Path(__file__).parents[1] / "examples" / "events.jsonl"
    events = [json.loads(line) for line in examples.read_text("utf-8").split("\n") if line]
    for event in events:
        del event["sha256"]
    kinds = {(body["kind"], body.get("phase")): body for body in _run()[1]}
    return [*kinds.values(), *events]


def _line(body: Any) -> str:
    """Return a line with a right checksum, whatever it holds."""
    try:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return f'{text[:-1]},"sha256":"{checksum(text)}"}}'
    except (ValueError, RecursionError):
        text = '{"kind":"event","data":' + "[" * 3000
        return f'{text},"sha256":"0"}}'


def record(choices: Choices) -> None:
    """A line of records.jsonl with a right checksum; what is read can be written again."""
    line = _line(mutate_values(choices.one_of(_kinds_of_records()), choices))
    if choices.number(4) == 0:
        line = mutate_text(line, choices, most=2)
    encode(decode(line))


def plan(choices: Choices) -> None:
    """plan.json: every name in an accepted one is that of something it holds."""
    made = read_plan(mutate_values(_run()[0], choices), "plan.json")
    for job in made.jobs:
        if job.arm:
            made.arm(job.arm)
    len(made.seal)


def machine(choices: Choices) -> None:
    """machine.json."""
    read_machine(mutate_values(MACHINE, choices), "machine.json")


def json_text(choices: Choices) -> None:
    """JSON documents of samenet as text: a plan, and the numbers inside a page."""
    from samenet.runs.folder import Store

    text = mutate_text(_as_json(MACHINE), choices)
    _written("machine.json", text)
    Store(_folder()).read_json("machine.json")


@cache
def _packed() -> list[str]:
    large = embedded_data.pack({"a": [1, 2, 3], "b": LONG * 60})
    return [json.dumps(embedded_data.pack({"a": [1, 2, 3]})), json.dumps(large)]


def page_numbers(choices: Choices) -> None:
    """The numbers inside a page, plain or packed."""
    text = mutate_text(choices.one_of(_packed()), choices)
    try:
        embedded_data.unpack(text)
    except ValueError:
        return


@cache
def _document() -> Any:
    plan_values, bodies = _run()
    records = [decode(_line(body)) for body in bodies]
    found = frames.build(read_plan(plan_values, "plan.json"), dict(MACHINE), records)
    return json.loads(json.dumps(result.to_document(found)))


def document(choices: Choices) -> None:
    """A result document of `samenet compare`."""
    values = mutate_values(_document(), choices, most=2)
    parse(ResultDocument, values, where="base.json")
    regression.compare(values, _document(), quantity="total", margin=0.05)


@cache
def _description() -> Any:
    arm = read_plan(_run()[0], "plan.json").arms[0]
    return {
        "capabilities": arm.capabilities.model_dump(mode="json"),
        "versions": arm.versions,
        "import_seconds": 0.5,
        "code": "0",
        "installed": arm.installed.model_dump(mode="json"),
    }


def remembered(choices: Choices) -> None:
    """What the cache holds: a damaged one is an empty one, and never an error."""
    certificates = [_line(body) for body in _run()[1] if body["kind"] == "certificate"][:3]
    value = choices.one_of((_description(), certificates, 1.5, {}))
    text = _as_json(mutate_values(value, choices))
    folder = _folder() / "cache"
    folder.mkdir(exist_ok=True)
    (folder / "x.json").write_text(text, encoding="utf-8")
    kept.get("cache", "x", Description.model_validate)
    kept.get("cache", "x", float)
    certificate_cache._proof(kept.get("cache", "x"), "iris")


ARGUMENTS = (
    *("--framework", "numpy", "--set", "--device", "cuda:1", "--budget", "10m", "--epochs", "5"),
    *("--hidden", "64,32", "--margin", "5", "--json", "--repeats", "+3", "--out", "x", "iris"),
    *("--model", "64-10", "--batch", "32", "--samples", "100", "--quantity", "step", "--threads"),
    *("--format", "svg", "--figures", "--time-limit", "1h", "--track", "--worker-limit", "-", "--"),
)
COMMANDS = {
    "run": run_command.command,
    "advise": advise.command,
    "compare": compare.command,
    "report": report.command,
    "resume": resume.command,
    "study": study.command,
}


def arguments(choices: Choices) -> None:
    """A command line, as far as click and the callbacks of the options read it."""
    command = COMMANDS[choices.one_of(sorted(COMMANDS))]
    given = [
        mutate_text(choices.one_of(ARGUMENTS), choices, most=1)
        if choices.number(3) == 0
        else choices.one_of(ARGUMENTS)
        for _ in range(choices.number(7))
    ]
    command.make_context("samenet", given, resilient_parsing=False)


SMALL_PARSERS: tuple[tuple[Callable[[str], object], str], ...] = (
    (parse_device, "cuda:1"),
    (planner.parse_duration, "1.5h"),
    (parse_widths, "64-256-128-10"),
    (run_command.parse_units, "64,32"),
    (lambda text: resume._wanted(text, 3), "+8"),
)


def option_text(choices: Choices) -> None:
    """The small texts of options: a device, a duration, layer sizes, repeats."""
    parser, text = choices.one_of(SMALL_PARSERS)
    parser(mutate_text(text, choices, most=2))


def answer(choices: Choices) -> None:
    """The answer file of a worker: whole, or it did not happen."""
    lines = "".join(_line(body) + "\n" for body in _run()[1][:3])
    path = _written("answer.jsonl", mutate_text(lines, choices, most=1))
    file = AnswerFile(path=path, attempt="0")
    file.close()
    if choices.number(2):
        _written("answer.jsonl", mutate_text(path.read_text("utf-8", "replace"), choices, most=1))
    file.read()
    file.read_unfinished()


@cache
def _array_file() -> bytes:
    card = DataCard(
        kind=TaskKind.BINARY,
        train_rows=3,
        test_rows=1,
        features=2,
        outputs=1,
        feature_names=("a", "b"),
    )
    inputs, targets = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    buffer = io.BytesIO()
    path = _folder() / "whole.npz"
    Dataset(card=card, inputs=inputs, targets=targets).save(path)
    buffer.write(path.read_bytes())
    return buffer.getvalue()


def arrays(choices: Choices) -> None:
    """A file of prepared rows, as anybody may have changed it."""
    text = mutate_text(_array_file().decode("latin-1"), choices)
    Dataset.load(_written("arrays.npz", text.encode("latin-1", "replace")))


def run_folder(choices: Choices) -> None:
    """A whole run with changed records of right checksums, read up to the result of `--json`."""
    plan_values, bodies = _run()
    if choices.number(4) == 0:
        plan_values = mutate_values(plan_values, choices, most=1)
    changed = mutate_values(bodies, choices, most=2)
    if not isinstance(changed, list):
        return
    records = [decode(_line(body)) for body in changed]
    made = read_plan(plan_values, "plan.json")
    frames.refuse_strangers(made, records)
    result.to_document(frames.build(made, dict(MACHINE), records))


PARSERS: dict[str, Callable[[Choices], None]] = {
    each.__name__: each
    for each in (
        *(task_text, task_values, set_option, table, adapter, record, plan, machine, json_text),
        *(page_numbers, document, remembered, arguments, option_text, answer, arrays, run_folder),
    )
}

DEAR = {"run_folder": 50}
"""Parsers of which one case costs so many times what one of the others does."""
