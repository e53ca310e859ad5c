"""Where and with what this was measured: machine, versions, flags in force, data, plan."""

from __future__ import annotations

from typing import Any

from samenet.analysis import check_text
from samenet.analysis.frames import Frames
from samenet.report.blocks import Cell, Column, Section, Table, Text, arm_cell, columns
from samenet.report.summary import format_day
from samenet.runs.plan import task_title
from samenet.spec import Task, summary
from samenet.spec.layers import summarize_layers

ORDER = 3
LABELS = {
    "processor": "Processor",
    "architecture": "Architecture",
    "cores": "Processor cores this run could use",
    "memory_bytes": "Memory",
    "system": "System",
    "python": "Python",
    "pinned": "Bound to its own cores",
    "matrix_library": "Matrix library of NumPy",
    "load_before": "Other work before the start (load average)",
}


def section(frames: Frames) -> Section | None:
    """Return what a reader needs to repeat the run."""
    processor = frames.machine.get("processor", "machine not recorded")
    return Section(
        id="place",
        title="Machine, versions, data",
        summary=f"{processor}; every version and setting in force.",
        blocks=(
            _machine(frames),
            _versions(frames),
            *_flags(frames),
            *(_card(frames, task) for task in frames.plan.tasks),
            _plan(frames),
        ),
    )


def _pairs(title: str, rows: list[tuple[str, str]], *, first: str = "What") -> Table:
    return Table(
        title=title,
        columns=(Column(title=first, numeric=False), Column(title="Value", numeric=False)),
        rows=tuple((Cell(text=name), Cell(text=text)) for name, text in rows),
    )


def _machine(frames: Frames) -> Table:
    rows = [
        (label, _machine_text(key, frames.machine[key]))
        for key, label in LABELS.items()
        if frames.machine.get(key) is not None
    ]
    return _pairs("Machine", rows)


def _machine_text(key: str, value: Any) -> str:
    if key == "memory_bytes":
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, bool):
        return "yes" if value else "no: this system cannot"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _versions(frames: Frames) -> Table:
    rows = []
    for arm in frames.plan.arms:
        versions = ", ".join(f"{name} {version}" for name, version in arm.versions.items())
        rows.append((arm_cell(frames, arm.name), Cell(text=versions), Cell(text=arm.digest[:12])))
    return Table(
        title="Versions",
        columns=tuple(
            Column(title=head, numeric=False)
            for head in ("Framework", "Installed", "Adapter’s hash")
        ),
        rows=tuple(rows),
        notes=(f"samenet {frames.plan.samenet}.",),
    )


def _flags(frames: Frames) -> list[Table]:
    rows = frames.checks[frames.checks.gate == "read-back"]
    if rows.empty:
        return []
    # of all processes of a framework, the one that is farthest from what was asked for
    farthest = rows.sort_values("error").groupby(["arm", "quantity", "detail"], sort=False).tail(1)
    return [
        Table(
            title="Settings in force, read back from each framework",
            columns=tuple(
                Column(title=head, numeric=False) for head in ("Framework", "Setting", "In force")
            ),
            rows=tuple(
                (
                    arm_cell(frames, str(row.arm)),
                    Cell(text=str(row.quantity)),
                    Cell(text=check_text.value_in_force(row)),
                )
                for row in farthest.sort_index().itertuples()
            ),
            folded=True,
        )
    ]


def _card(frames: Frames, task: Task) -> Text:
    prepared = frames.data.get(task.name)
    features, outputs = (prepared.features, prepared.outputs) if prepared else ("?", "?")
    shape = " × ".join(map(str, task.data.shape))
    network = summarize_layers(task.model.layers)
    lines = [task.description] if task.description else []
    lines.append(
        f"Network: {shape or f'{features} inputs'} → {network + ' → ' if network else ''}"
        f"{outputs} outputs; {_training(task)}"
    )
    if prepared:
        lines += prepared.notes
        lines.append(f"SHA-256 of the bytes every framework saw: {prepared.digest}")
    title = f"Data: {task_title(frames.plan, task.name)}"
    return Text(title=title, lines=tuple(lines), task=task.name)


def _training(task: Task) -> str:
    training = task.training
    return (
        f"{training.epochs} epochs of batches of {training.batch_size}; "
        f"{summary.describe_optimizer(task)}; "
        f"{summary.describe_loss(task)}{summary.describe_schedule(task)}."
    )


def _plan(frames: Frames) -> Table:
    plan = frames.plan
    passes: dict[str, list[float]] = {}
    for job in plan.jobs:
        passes.setdefault(job.pass_name, []).append(job.predicted_seconds)
    rows = tuple(
        (
            Cell(text=name),
            Cell(text=str(len(seconds)), value=len(seconds)),
            Cell(text=f"{sum(seconds):.0f} s", value=sum(seconds)),
        )
        for name, seconds in passes.items()
    )
    return Table(
        title="Plan, written before anything ran",
        columns=columns("Processes", "Predicted", first="Pass"),
        rows=rows,
        notes=(
            (
                f"Planned on {format_day(plan.created)}; target {plan.target}; "
                f"profile {plan.profile}: {frames.repeats} repeats, {plan.seeds} seeds, "
                f"{plan.steady_seconds:g} s of steady measuring per result; the processes took "
                f"{frames.seconds_taken:.0f} s together."
            ),
        ),
    )
