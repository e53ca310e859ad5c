"""The text of a task file, every key explained: what `samenet init` writes."""

from __future__ import annotations

import json
from typing import Any

from samenet.spec import Dense, Kind
from samenet.task import HIGHER_IS_BETTER, METRICS, Goal, Task

ABOUT_OPTIMIZER = {
    "name": '"sgd" or "adam"; the exact formulas: samenet.spec',
    "learning_rate": "the size of a step; 2^-10 = 0.0009765625 is exact in binary",
    "momentum": "how much of the previous step is kept, 0 to below 1",
    "nesterov": "whether the gradient is taken after the momentum step",
    "beta1": "how slowly the mean of the gradients changes",
    "beta2": "how slowly the mean of their squares changes",
    "epsilon": "keeps the division finite; small enough not to matter",
}


def task_file(task: Task) -> str:
    """Return the commented TOML text of a task; `load_task` reads the same task from it."""
    parts = [_head(task), _data(task), *_layers(task), _training(task), _goal(task)]
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
target = {_toml(data.target)}  # the column to predict (CSV only); all others are inputs
test_rows = {data.test_rows}  # rows kept for the test; 0 takes a quarter
split_seed = {data.split_seed}  # another number keeps other rows for the test"""
    if not data.options:
        return text
    about = "# What the source offers: the number of rows, the seed of a synthetic set ..."
    lines = [f"{_toml(key)} = {_toml(value)}" for key, value in data.options.items()]
    return "\n".join([text, "", "[data.options]", about, *lines])


def _layers(task: Task) -> list[str]:
    about = """\
# The hidden layers, from the inputs to the outputs. The linear last layer is added by samenet,
# sigmoid or softmax is part of the loss. Without any hidden layer: a single neuron.
# activation: sigmoid, tanh, relu, leaky_relu(slope=0.01), elu, selu, gelu, silu, softplus."""
    return [about, *(_layer(layer) for layer in task.model.layers)]


def _layer(layer: Dense) -> str:
    return f"""\
[[model.layers]]
units = {layer.units}
activation = {_toml(str(layer.activation))}"""


def _training(task: Task) -> str:
    training = task.training
    values = training.optimizer.model_dump()
    lines = [f"{key} = {_toml(value)}  # {ABOUT_OPTIMIZER[key]}" for key, value in values.items()]
    head = f"""\
[training]
loss = {_toml(training.loss)}  # follows from the kind
batch_size = {training.batch_size}  # rows per step
epochs = {training.epochs}  # passes over the training rows

[training.optimizer]"""
    return "\n".join([head, *lines])


def _goal(task: Task) -> str:
    allowed = ", ".join(METRICS[task.kind])
    about = f"# When a training counts as done, on the test rows. metric: {allowed}."
    if task.goal is None:
        return f"""\
{about}
# Remove the marks of the next three lines to have the time to the goal measured.
# [goal]
# metric = {_toml("r2" if task.kind is Kind.REGRESSION else "accuracy")}
# target = 0.9"""
    return f"""\
{about}
[goal]
metric = {_toml(task.goal.metric)}
target = {_toml(task.goal.target)}  # {_direction(task.goal)}"""


def _direction(goal: Goal) -> str:
    return "at least" if HIGHER_IS_BETTER[goal.metric] else "at most"


def _toml(value: Any) -> str:
    """Return a TOML value: JSON's texts, numbers and booleans are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
