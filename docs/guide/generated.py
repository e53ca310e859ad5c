"""What the guide takes from the code: the help of every command, every key of a task file.

A page asks for it by a comment, `<!-- generated: commands -->`, which Sphinx replaces as it reads.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from samenet.adapter import Header, Mode
from samenet.adapter.variables import Variables
from samenet.cli.main import REST, SHOWN, cli
from samenet.spec import (
    OPTIMIZERS,
    Activation,
    DataSpec,
    FrozenModel,
    Goal,
    Loss,
    ModelSpec,
    OptimizerRule,
    Schedule,
    Task,
    TrainSpec,
)
from samenet.spec import layers as spec_layers

LAYERS: tuple[type[FrozenModel], ...] = (
    *(spec_layers.Dense, spec_layers.Conv1D, spec_layers.Conv2D, spec_layers.MaxPool),
    *(spec_layers.AveragePool, spec_layers.GlobalAveragePool, spec_layers.GlobalMaxPool),
    *(spec_layers.Flatten, spec_layers.BatchNorm, spec_layers.LayerNorm, spec_layers.Dropout),
    *(spec_layers.Embedding, spec_layers.Positions, spec_layers.SimpleRNN, spec_layers.LSTM),
    *(spec_layers.GRU, spec_layers.Attention, spec_layers.ActivationLayer),
    *(spec_layers.Residual, spec_layers.Encoder),
)

TABLES: dict[str, type[FrozenModel]] = {
    "At the top": Task,
    "`[data]`": DataSpec,
    "`[model]`": ModelSpec,
    **{
        f'`[[model.layers]]`, `kind = "{kind.model_fields["kind"].default}"`': kind
        for kind in LAYERS
    },
    "`activation`": Activation,
    "`[training]`": TrainSpec,
    "`loss`": Loss,
    "`[training.optimizer]`, all of them": OptimizerRule,
    **{f'`[training.optimizer]`, `name = "{name}"`': kind for name, kind in OPTIMIZERS.items()},
    "`[training.schedule]`": Schedule,
    "`[goal]`": Goal,
}
"""Where a task file says it, and the class that reads it."""
HEADER: dict[str, type[FrozenModel]] = {
    "The header": Header,
    "`modes`": Mode,
    "`variables`": Variables,
}
"""The parts of an adapter's header, and the class that reads each."""
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "maxItems": "at most {} of them",
}
PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
}
HEAD = ("key", "what it may be", "if left out", "what it is")
MARK = re.compile(r"<!-- generated: (\w+) -->")


def commands() -> str:
    """Return every command's own help, the five of `samenet --help` first."""
    group = click.Context(cli, info_name="samenet")
    return "\n\n".join(part for name in SHOWN | REST for part in _helps(cli, name, group))


def _helps(group: click.Group, name: str, parent: click.Context) -> Iterator[str]:
    """Return the help of a command, and of the commands that it has itself."""
    command = group.get_command(parent, name)
    if command is None:  # impossible: the name is one of the group's own
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100)
    yield f"## {context.command_path}\n\n{_fenced(command.get_help(context))}"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _helps(command, inner, context)


def _fenced(text: str) -> str:
    return f"```text\n{text.strip()}\n```"


def task_keys() -> str:
    """Return one part per table of a task file: what it is, its formula, its keys."""
    return _tables(TABLES, level=2)


def header_keys() -> str:
    """Return one part per table of an adapter's header: what it is, its keys."""
    return _tables(HEADER, level=4)


def _tables(kinds: Mapping[str, type[FrozenModel]], *, level: int) -> str:
    parts = [
        f"{'#' * level} {title}\n\n{_said(kind)}\n\n{_keys(kind)}" for title, kind in kinds.items()
    ]
    return "\n\n".join(parts)


def _said(kind: type[FrozenModel]) -> str:
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    return "\n\n".join(_fenced(text) if _is_set(text) else _prose(text) for text in paragraphs)


def _is_set(text: str) -> bool:
    """Return whether a paragraph is laid out by hand, as formulas are."""
    return "  " in text


def _prose(text: str) -> str:
    """Return text with its multiplication signs kept from becoming emphasis, code left alone."""
    parts = text.split("`")
    plain = [part.replace("*", "\\*") if i % 2 == 0 else part for i, part in enumerate(parts)]
    return "`".join(plain)


def _keys(kind: type[FrozenModel]) -> str:
    schema, notes = kind.model_json_schema(), _notes(kind)
    schema = schema if "properties" in schema else schema["$defs"][kind.__name__]  # of a tree
    long = {key: text for key, text in notes.items() if "\n\n" in text or _is_set(text)}
    short = {key: _prose(text).replace("\n", " ") for key, text in notes.items() if key not in long}
    required = schema.get("required", [])
    rows = [
        [
            f"`{key}`",
            allowed(value),
            _default(value, needed=key in required or _names_it(kind, key)),
            short.get(key, ""),
        ]
        for key, value in schema["properties"].items()
    ]
    below = [f"`{key}`\n\n{_fenced(text)}" for key, text in long.items()]
    return "\n\n".join([_table(HEAD, rows, columns=4 if short else 3), *below])


def _names_it(kind: type[FrozenModel], key: str) -> bool:
    """Return whether a key tells which layer it is; only a dense one needs none."""
    return key == "kind" and kind in LAYERS[1:]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, columns: int) -> str:
    lines = [head, ["---"] * columns, *rows]
    return "\n".join(f"| {' | '.join(line[:columns])} |" for line in lines)


def _default(value: dict[str, Any], *, needed: bool) -> str:
    if needed:
        return "must be given"
    default = value.get("default")
    if isinstance(default, dict):
        default = default.get("name")
    return "nothing" if default in (None, "", []) else f"`{default}`"


def allowed(value: dict[str, Any]) -> str:
    """Return in words what a JSON Schema lets a key be."""
    options = value.get("anyOf") or value.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(allowed(o) for o in options if o.get("type") != "null"))
    if "$ref" in value:
        return _named(value["$ref"].rpartition("/")[2])
    if "enum" in value:
        return ", ".join(f"`{name}`" for name in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    return ", ".join([_kind(value), *_limits(value)])


def _kind(value: dict[str, Any]) -> str:
    if value["type"] == "array":
        return f"list: {allowed(value['items'])}"
    if value["type"] == "object":
        kinds = value.get("patternProperties") or {"": value["additionalProperties"]}
        return f"table: {' or '.join(map(allowed, kinds.values()))}"
    return PLAIN[value["type"]]


def _limits(value: dict[str, Any]) -> Iterator[str]:
    yield from (text.format(value[key]) for key, text in LIMITS.items() if key in value)
    if "pattern" in value:
        yield "like `" + value["pattern"].replace("|", "\\|") + "`"


def _named(kind: str) -> str:
    if kind in {layer.__name__ for layer in LAYERS}:
        return "a table, see `[[model.layers]]` below"
    found = [title for title, known in (TABLES | HEADER).items() if known.__name__ == kind]
    return f"see {found[0]} below" if found else "`binary`, `multiclass`, `regression`"


def _notes(kind: type[FrozenModel]) -> dict[str, str]:
    """Return the sentences that stand under a class's fields in its module."""
    written = ModuleAnalyzer.for_module(kind.__module__).find_attr_docs()
    return {
        kind.model_fields[key].alias or key: "\n".join(lines).strip()
        for base in reversed(kind.__mro__)
        for (owner, key), lines in written.items()
        if owner == base.__name__ and key in kind.model_fields
    }


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "task_keys": task_keys,
    "header_keys": header_keys,
}


def fill_in(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Replace the marks of a page that Sphinx has just read."""
    source[0] = MARK.sub(lambda found: PARTS[found[1]](), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx when to call; raises KeyError later for a mark that names no part."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True}
