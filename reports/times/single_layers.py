"""Single layers: forward, forward and backward, memory, against the best of each network."""

from __future__ import annotations

from samenet._text import count_noun
from samenet.analysis.frames import Frames
from samenet.experiments.layers import networks
from samenet.experiments.layers import result as layers_result
from samenet.experiments.layers.result import PASSES, LayerResult, factor_text
from samenet.report.blocks import (
    Cell,
    Column,
    Section,
    Table,
    Text,
    arm_cell,
    columns,
    missing_cell,
    seconds_cell,
)

ORDER = 8
WITH_LADDER = True


def section(frames: Frames) -> Section | None:
    """Return the times of a run that holds single layers, a table for each kind."""
    results = layers_result.results(frames)
    if not results:
        return None
    by_kind: dict[str, list[LayerResult]] = {}
    for result in results:
        by_kind.setdefault(networks.kind_of(result.task), []).append(result)
    return Section(
        id="single-layers",
        title="Single layers",
        summary=(
            f"{count_noun(len(by_kind), 'kind')} of layer in "
            f"{count_noun(len(results), 'network')}, each proved the same before it was timed."
        ),
        blocks=(
            Text(lines=layers_result.INCLUDED),
            *(_table(frames, kind, found) for kind, found in by_kind.items()),
        ),
        top=True,
    )


def _table(frames: Frames, kind: str, results: list[LayerResult]) -> Table:
    """Return a row for every framework at every size; what is not offered says so."""
    heads = [head for name in PASSES.values() for head in (name.capitalize(), "Against the best")]
    return Table(
        title=kind,
        columns=(
            *columns(),
            Column(title="Size", numeric=False),
            *(Column(title=head) for head in heads),
            Column(title="Memory, MB", help="Beyond what is there after the import."),
        ),
        rows=tuple(row for result in results for row in _rows(frames, result)),
        notes=tuple(result.task.title for result in results),
    )


def _rows(frames: Frames, result: LayerResult) -> list[tuple[Cell, ...]]:
    size = Cell(text=networks.size_of(result.task), task=result.task.name)
    shown: list[tuple[Cell, ...]] = [
        (
            arm_cell(frames, arm),
            size,
            *(cell for name in PASSES for cell in _pass_cells(result, name, arm)),
            _memory_cell(result, arm),
        )
        for arm in result.times["step"]
    ]
    for arm, why in result.absent.items():
        shown.append((arm_cell(frames, arm), size, Cell(text=why, quiet=True, span=5)))
    return shown


def _pass_cells(result: LayerResult, name: str, arm: str) -> tuple[Cell, Cell]:
    time = seconds_cell(result.typical(name, arm).value)
    against = result.against_best(name, arm)
    if against is None:
        return time, Cell(text="best", value=1.0)
    return time, Cell(text=factor_text(against), value=against.ratio.value)


def _memory_cell(result: LayerResult, arm: str) -> Cell:
    memory = result.memory.get(arm)
    if memory is None:
        return missing_cell()
    megabytes = layers_result.own_bytes(memory) / layers_result.MEGABYTE
    return Cell(text=f"{megabytes:.0f}", value=megabytes)
