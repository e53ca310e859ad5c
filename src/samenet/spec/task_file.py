"""The text of a task file, every key explained: what `samenet init` writes."""

from __future__ import annotations

import json
import textwrap
from typing import Any, get_args

from samenet.spec.layers import KINDS, Activation, ActivationName, LayerSpec
from samenet.spec.metrics import METRICS, metric_names
from samenet.spec.network import InitializerName, TaskKind
from samenet.spec.presets import PRESETS
from samenet.spec.task import DataSpec, Goal, Task
from samenet.spec.training import OPTIMIZERS, Schedule

ABOUT_KIND = {
    "dense": "activation(x @ kernel + bias) of the last axis",
    "conv1d": "windows along the steps of a sequence (steps, channels)",
    "conv2d": "windows over an image (height, width, channels)",
    "max_pool": "the largest number of each window, channel by channel",
    "average_pool": "the mean of each window, channel by channel",
    "global_average_pool": "the mean over all places, channel by channel",
    "global_max_pool": "the largest number over all places, channel by channel",
    "flatten": "all numbers of a row in one axis",
    "batch_norm": "each channel to mean 0 and deviation 1 of the batch, then scaled and moved",
    "layer_norm": "each place to mean 0 and deviation 1 of its features, then scaled and moved",
    "dropout": "sets numbers to 0 by chance, in training alone",
    "embedding": "a row of trained numbers for every token number; the first layer",
    "positions": "adds a row of trained numbers for every step",
    "simple_rnn": "h = tanh(x K + h R + b) at every step",
    "lstm": "step by step, with a cell that is kept, filled and read by gates",
    "gru": "step by step, with gates for what is kept and what is reset",
    "attention": "every step looks at every step, by several heads",
    "activation": "a function of every number",
    "residual": "what a chain of layers gives, added to what enters",
    "encoder": "residual[layer_norm, attention], residual[layer_norm, dense gelu, dense]",
}
"""What each kind is, in the words that stand behind it; the formula is its class's docstring."""

ABOUT_LAYER = {
    "units": "how many numbers it gives",
    "filters": "how many channels it gives",
    "activation": "the function after it",
    "dropout": "the share of what it gives that each training step leaves out, 0 for none",
    "size": "of its windows along every axis, or [one, for, each]",
    "stride": "how far windows stand apart; of a pool 0 for its size",
    "padding": '"same": with zeros around; "valid": whole windows only',
    "rate": "the share of the new (batch_norm), or of what is left out (dropout)",
    "epsilon": "added to the variance, inside the root",
    "width": "how many numbers stand for a token",
    "vocabulary": "how many tokens there are; left out: what [data] says",
    "sequences": "true gives every step, false only the last",
    "heads": "how many; they share the features evenly",
    "causal": "true: a step sees itself and those before it, false: all",
    "inner": "units of its inner dense layer; 0 for four times what enters",
    "layers": "the chain whose result is added to what enters",
}
"""The keys of all kinds."""

*_FIRST, _LAST = (f'"{name}"' for name in OPTIMIZERS)
ABOUT_OPTIMIZER = {
    "name": f"{', '.join(_FIRST)} or {_LAST}",
    "learning_rate": "the size of a step; 2^-10 = 0.0009765625 is exact in binary",
    "momentum": "how much of the previous step is kept, 0 to below 1",
    "nesterov": "whether the gradient is taken after the momentum step",
    "beta1": "how slowly the mean of the gradients changes",
    "beta2": "how slowly the mean of their squares changes",
    "rho": "how slowly the mean of the squared gradients changes",
    "initial_accumulator": "what the sum of the squared gradients starts at",
    "epsilon": "keeps the division finite; small enough not to matter",
    "l2": "penalty on large kernels, part of the gradient; 0 for none",
    "weight_decay": "shrinks the kernels directly before each step; 0 for none",
    "clip_norm": "a longer gradient is scaled down to this length",
}
"""The keys of the optimisers in the order in which they are written."""

ABOUT_SCHEDULE = {
    "name": "one of these four",
    "warmup_steps": "steps in which the rate first rises to the full one; 0 for none",
    "steps": "steps after the warm-up in which it falls; then it stays",
    "every": "after so many steps it has been multiplied by drop once",
    "drop": "what it is multiplied by",
    "final": "the share of the rate that is left at the end",
}

KEYS_OF_SCHEDULE = {
    "constant": ("name", "warmup_steps"),
    "step": ("name", "warmup_steps", "steps", "every", "drop"),
    "exponential": ("name", "warmup_steps", "steps", "every", "drop"),
    "cosine": ("name", "warmup_steps", "steps", "final"),
}
"""What a schedule makes use of; a key of another one is written only if it was changed."""

ABOUT_LOSS = {
    TaskKind.BINARY: """\
# "binary_cross_entropy", or "binary_cross_entropy(label_smoothing=0.125)" for softer labels.""",
    TaskKind.MULTICLASS: """\
# "sparse_categorical_cross_entropy", or "categorical_cross_entropy": the same from one-hot targets.
# With (label_smoothing=0.125) behind the name: softer labels.""",
    TaskKind.REGRESSION: """\
# "mean_squared_error", "mean_absolute_error", or "huber(delta=1.0)": squared up to delta, then
# linear.""",
}


def format_task_file(task: Task) -> str:
    """Return the commented TOML text of a task; `load_task` reads the same task from it."""
    parts = [_head(task), _data(task), *_model(task), *_training(task), _goal(task)]
    return "\n\n".join(parts) + "\n"


def _head(task: Task) -> str:
    return f"""\
# What is trained, on which rows, and when it counts as done: a task of samenet.
# Every framework gets exactly this. Try `samenet run THIS_FILE --dry-run`.

schema = 1  # the version of this format
name = {_toml(task.name)}  # one word for tables and file names
title = {_toml(task.title)}  # the heading in the report
description = {_toml(task.description)}  # one sentence for the reader of the report

# What is predicted: "binary" (which of two classes), "multiclass" (which of several)
# or "regression" (a number).
kind = {_toml(task.kind)}"""


def _data(task: Task) -> str:
    data = task.data
    text = f"""\
[data]
# Where the rows come from: "csv:PATH" (seen from where samenet is started), "sklearn:NAME"
# or "synthetic:NAME".
source = {_toml(data.source)}
# The column to predict (CSV only); ["one", "another"] predicts several numbers at once.
target = {_toml(data.target[0] if len(data.target) == 1 else data.target or "")}
test_rows = {data.test_rows}  # rows kept for the test; 0 takes a quarter
split_seed = {data.split_seed}  # another number keeps other rows for the test"""
    text = "\n".join([text, *_places(data)])
    if not data.options:
        return text
    about = "# What the source offers: the number of rows, the seed of a synthetic set ..."
    lines = [f"{_toml(key)} = {_toml(value)}" for key, value in data.options.items()]
    return "\n".join([text, "", "[data.options]", about, *lines])


def _places(data: DataSpec) -> list[str]:
    about = (
        "# How the numbers of a row stand: [height, width, channels], [steps, features], [steps]."
    )
    if not data.shape:
        about += "\n# Remove the mark of the next line if they do; else a row is a row of numbers."
    tokens = "# vocabulary = 1000  # if a row is token numbers: how many there are"
    return [
        about,
        _line("shape", data.shape) if data.shape else "# shape = [28, 28, 1]",
        f"{_line('vocabulary', data.vocabulary)}  # token numbers go from 0 to below it"
        if data.vocabulary
        else tokens,
    ]


def _model(task: Task) -> list[str]:
    *first, last = get_args(InitializerName)
    drawn = f"How the starting weights are drawn: {', '.join(first)} or {last}."
    hidden = [str(Activation(name=x)) for x in get_args(ActivationName) if x != "identity"]
    about = f"""\
[model]
{_comment(drawn)}
initializer = {_toml(task.model.initializer)}

# The hidden layers, from the inputs to the outputs, each of a kind; without one it is dense. The
# linear last layer is added by samenet, sigmoid or softmax is part of the loss. Without any hidden
# layer: a single neuron.
{_comment(f"kind: {', '.join(KINDS)} or encoder.")}
{_comment(f"activation: {', '.join(hidden)}.")}
# Instead of a list, layers = "mlp(64, 32)" is two dense layers with relu;
{_comment(f"also: {', '.join(p.example for name, p in PRESETS.items() if name != 'mlp')}.")}"""
    empty = ["layers = []  # none"] if not task.model.layers else []
    return ["\n".join([about, *empty]), *(_layer(layer) for layer in task.model.layers)]


def _comment(text: str) -> str:
    return textwrap.fill(text, width=98, initial_indent="# ", subsequent_indent="# ")


def _layer(layer: LayerSpec) -> str:
    lines = ["[[model.layers]]"]
    for key, value in _keys(layer).items():
        if key == "layers":
            lines += ["layers = [  # the chain whose result is added to what enters", *value, "]"]
        elif key == "kind":
            lines.append(f"{_line(key, value)}  # {ABOUT_KIND[layer.kind]}")
        else:
            lines.append(f"{_line(key, value)}  # {ABOUT_LAYER[key]}")
    return "\n".join(lines)


def _keys(layer: LayerSpec) -> dict[str, Any]:
    """Return the keys of a layer as they are written, its kind first; a chain as lines."""
    written: dict[str, Any] = {}
    if layer.kind != "dense" or "kind" in layer.model_fields_set:
        written["kind"] = layer.kind
    for name, field in type(layer).model_fields.items():
        value = getattr(layer, name)
        if name == "kind" or (name == "vocabulary" and not value):
            continue
        if isinstance(value, Activation):
            value = str(value)
        elif name == "layers":
            value = [f"    {_inline(inner)}," for inner in value]
        written[field.alias or name] = value
    return written


def _inline(layer: LayerSpec) -> str:
    """Return a layer inside another as TOML writes it, on one line: what is not as usual."""
    usual = {field.alias or name: field.default for name, field in type(layer).model_fields.items()}
    parts = []
    for key, value in _keys(layer).items():
        if key == "layers":
            parts.append(f"layers = [{' '.join(line.strip() for line in value)}]")
        elif key == "kind" or value != _as_written(usual[key]):
            parts.append(_line(key, value))
    return f"{{ {', '.join(parts)} }}"


def _as_written(value: Any) -> Any:
    return str(value) if isinstance(value, Activation) else value


def _training(task: Task) -> list[str]:
    training = task.training
    head = f"""\
[training]
# What is minimised, the mean over a batch. For this kind:
{ABOUT_LOSS[task.kind]}
loss = {_toml(str(training.loss))}
batch_size = {training.batch_size}  # rows per step
epochs = {training.epochs}  # passes over the training rows"""
    return [head, _optimizer(task), _schedule(training.schedule)]


def _optimizer(task: Task) -> str:
    values = task.training.optimizer.model_dump()
    about = """\
[training.optimizer]
# The exact formulas are the docstrings of spec.training. Of l2 and weight_decay at most one."""
    lines = [
        f"{_line(key, values[key])}  # {text}"
        for key, text in ABOUT_OPTIMIZER.items()
        if values.get(key) is not None
    ]
    if values["clip_norm"] is None:
        lines += ["# Remove the mark of the next line to have long gradients scaled down to it."]
        lines += ["# clip_norm = 1.0"]
    return "\n".join([about, *lines])


def _schedule(schedule: Schedule) -> str:
    about = """\
[training.schedule]
# What the learning rate is multiplied by: "constant" (1), "step" (by drop, once per `every` steps),
# "exponential" (the same, smoothly) or "cosine" (a half wave down to final). All but "constant"
# need `steps`, their length."""
    unchanged, values = Schedule().model_dump(), schedule.model_dump()
    lines = [
        f"{_line(key, values[key])}  # {text}"
        for key, text in ABOUT_SCHEDULE.items()
        if key in KEYS_OF_SCHEDULE[schedule.name] or values[key] != unchanged[key]
    ]
    return "\n".join([about, *lines])


def _line(key: str, value: Any) -> str:
    return f"{key} = {_toml(value)}"


def _goal(task: Task) -> str:
    allowed = ", ".join(metric_names(task.kind))
    about = f"# When a training counts as done, on the test rows. metric: {allowed}."
    if task.goal is None:
        return f"""\
{about}
# Remove the marks of the next three lines to have the time to the goal measured.
# [goal]
# metric = {_toml("r2" if task.kind is TaskKind.REGRESSION else "accuracy")}
# target = 0.9"""
    return f"""\
{about}
[goal]
metric = {_toml(task.goal.metric)}
target = {_toml(task.goal.target)}  # {_direction(task.goal)}"""


def _direction(goal: Goal) -> str:
    return "at least" if METRICS[goal.metric].higher_is_better else "at most"


def _toml(value: Any) -> str:
    """Return a TOML value: JSON's texts, numbers and booleans are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
