"""The size ladder: small to large networks, one task each, from which costs are fitted.

Fifty-two design sizes and twenty held-out ones, chosen once and fixed. Sixteen were spread greedily
(each point the farthest from those before it, maximin: Johnson, Moore & Ylvisaker 1990) in the
logarithms of width 16 to 2048, batch 16 to 4096 and depth 1 to 4; then points were moved so that
the number of weights has no gap wider than a factor of eight, for that is where caches end. Sixteen
more halve the gaps that were left. The rest were held-out sizes of earlier designs, until looking
at their errors changed the model: such a size judges nothing any more, but it fills a gap. Many
widths are no multiples of 64, which have a memory layout of their own, and eleven sizes taper:
layers of unequal widths, as networks in use have.
The held-out sizes were drawn by a generator (logarithms of widths and rows uniform, one to four
layers; seven of unequal widths) after the last change of the model, before any was measured, and
are in no fit. With the epochs that stand beside them they are twenty whole trainings, some all
start-up, some all steps. What the model is worth elsewhere is what a run's own held-out errors say.
What costs more than 2^29 multiplications per forward pass is left out: there every framework waits
for its matrix products, and the float64 oracle would take most of the time.

A point is a task like any other: prepared, certified on its own network and timed by the same
passes. It trains for few epochs of one call each, as gates 2 and 4 follow every step of them. The
rate is so small that nothing is learnt by heart in the steady part: saturated outputs would end
in denormal numbers, which are slow, and in gradients that are nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from samenet.analysis.subset import LADDER_SOURCE
from samenet.execution.durations import history_key
from samenet.machine import cache
from samenet.runs.passes import ADMISSION_PASSES, RESULT_PASS
from samenet.runs.plan import Job, Plan
from samenet.spec.network import Network, TaskKind
from samenet.spec.task import Task
from samenet.spec.task_defaults import LEARNING_RATE, make_task


class Size(NamedTuple):
    """Units of the inputs and of every hidden layer, and the rows of a step."""

    units: tuple[int, ...]
    batch_size: int

    @property
    def work(self) -> int:
        """Return the multiplications of one forward pass, without the head's."""
        return self.batch_size * sum(m * n for m, n in pairwise(self.units))

    @property
    def name(self) -> str:
        """Return the layers as a task's name has them: '256x2', or '64-256-128' if unequal."""
        return str(self).partition(",")[0].replace(" × ", "x")

    def __str__(self) -> str:
        """Return the size as tables show it: '256 × 2, batch 64', '64-256-128, batch 512'."""
        equal = len(set(self.units)) == 1
        layers = f"{self.units[0]} × {len(self.units) - 1}" if equal else _joined(self.units)
        return f"{layers}, batch {self.batch_size}"


def _joined(units: tuple[int, ...]) -> str:
    return "-".join(map(str, units))


def uniform_size(width: int, batch_size: int, depth: int) -> Size:
    """Return the size whose inputs and hidden layers all have one width."""
    return Size((width,) * (depth + 1), batch_size)


DESIGN = (
    *(
        uniform_size(*sizes)
        for sizes in (
            (16, 16, 1),
            (16, 16, 4),
            (16, 512, 2),
            (16, 4096, 4),
            (96, 256, 1),
            (64, 64, 3),
            (64, 1024, 2),
            (128, 128, 4),
            (256, 16, 3),
            (256, 2048, 4),
            (384, 3072, 1),
            (512, 48, 2),
            (768, 256, 2),
            (1024, 16, 2),
            (2048, 16, 1),
            (2048, 128, 1),
            (32, 32, 2),
            (32, 128, 1),
            (32, 1024, 3),
            (96, 48, 4),
            (64, 4096, 1),
            (128, 512, 2),
            (128, 2048, 1),
            (192, 64, 1),
            (192, 256, 3),
            (256, 128, 2),
            (384, 32, 4),
            (768, 64, 3),
            (24, 64, 2),
            (40, 96, 3),
            (48, 2048, 2),
            (80, 768, 2),
            (100, 100, 3),
            (112, 320, 4),
            (160, 48, 2),
            (200, 640, 1),
            (300, 64, 3),
            (320, 384, 3),
            (448, 24, 1),
            (640, 160, 1),
            (896, 64, 2),
        )
    ),
    Size((256, 32), 128),
    Size((32, 512, 64), 256),
    Size((1024, 64), 32),
    Size((16, 256), 1024),
    Size((13, 52, 26), 1024),
    Size((20, 200, 100, 50), 128),
    Size((30, 64, 32), 32),
    Size((64, 256, 128), 512),
    Size((96, 384, 96), 48),
    Size((500, 100), 256),
    Size((784, 128), 64),
)
HELD_OUT = {
    uniform_size(26, 364, 1): 300,
    uniform_size(27, 112, 2): 1000,
    uniform_size(33, 44, 3): 30,
    uniform_size(36, 72, 4): 1000,
    uniform_size(56, 48, 2): 1000,
    uniform_size(104, 340, 2): 3000,
    uniform_size(132, 256, 4): 1000,
    uniform_size(412, 37, 4): 300,
    uniform_size(432, 216, 4): 30,
    uniform_size(472, 22, 1): 100,
    uniform_size(472, 22, 3): 300,
    uniform_size(736, 640, 1): 30,
    uniform_size(740, 936, 1): 30,
    Size((19, 268), 624): 100,
    Size((48, 132, 44), 33): 3000,
    Size((56, 38), 884): 100,
    Size((68, 364, 56, 616), 480): 100,
    Size((240, 64), 76): 3000,
    Size((280, 76), 96): 3000,
    Size((440, 18, 16), 204): 300,
}
"""Sizes that no fit sees, and the epochs of the training that is to be predicted."""

SEEDS = {
    uniform_size(256, 2048, 4): 8,
    uniform_size(384, 3072, 1): 6,
    uniform_size(112, 320, 4): 1,
    uniform_size(736, 640, 1): 1,
    uniform_size(740, 936, 1): 2,
}
"""Of the rows, where it is not 0: the first with which no weighted sum of the batch that gate 1
looks at is within 2^-24 of a kink, relative to its summed magnitudes (`network.kink_margin`), at
either end of the training. Among a million sums one may round to the other side, in float32, by
chance."""

CLASSES = 10
TEST_ROWS = 16
EPOCHS = 2
"""Of one call each: the first holds the compile, the second does not."""
HELD_OUT_NAME = "held-out"
PASSES = (*ADMISSION_PASSES, RESULT_PASS)


def steps_per_call(size: Size) -> int:
    """Return K: few steps where one is long, many where a call costs more than its steps."""
    return 64 if size.work <= 2**20 else 16 if size.work <= 2**24 else 4


def ladder_tasks() -> tuple[Task, ...]:
    """Return all points as tasks, the design before the held-out ones."""
    return (
        *(task_of(size, "ladder") for size in DESIGN),
        *(task_of(size, HELD_OUT_NAME) for size in HELD_OUT),
    )


def task_of(size: Size, family: str) -> Task:
    """Return the task that has this size; the optimiser is the main job's, at 1/16 of its rate."""
    rows = steps_per_call(size) * size.batch_size
    options = {
        "rows": rows + TEST_ROWS,
        "features": size.units[0],
        "classes": CLASSES,
        "seed": SEEDS.get(size, 0),
    }
    return make_task(
        f"{family}-{size.name}-batch-{size.batch_size}",
        TaskKind.MULTICLASS,
        {"source": LADDER_SOURCE, "options": options, "test_rows": TEST_ROWS},
        title=str(size),
        hidden=size.units[1:],
        batch_size=size.batch_size,
        epochs=EPOCHS,
        learning_rate=LEARNING_RATE / 16,
        where="The ladder",
    )


def is_held_out(task: Task) -> bool:
    """Return whether a point is kept out of the fit, to test it."""
    return task.name.startswith(HELD_OUT_NAME)


def held_out_epochs(task: Task) -> int:
    """Return for how many epochs a held-out point's training is predicted; 0 for any other."""
    return next((n for size, n in HELD_OUT.items() if str(size) == task.title), 0)


def steps_of(task: Task) -> int:
    """Return K of a point: the rows to train on make one call."""
    return (int(task.data.options["rows"]) - TEST_ROWS) // task.training.batch_size


def network_of(task: Task) -> Network:
    """Return the network of a point."""
    inputs, outputs = (int(task.data.options[key]) for key in ("features", "classes"))
    return task.model.network(inputs=inputs, outputs=outputs)


def ladder_points(found: Iterable[Task]) -> list[Task]:
    """Return those tasks that are points of a ladder."""
    return [task for task in found if task.data.source == LADDER_SOURCE]


ORACLE_TRAININGS = {"certify": 8, "cell": 5}
"""How often the float64 oracle trains a point's network in each pass."""


def keep_step_jobs(plan: Plan) -> Plan:
    """Return the plan with only the jobs that tell the cost of a step."""
    jobs = tuple(_predicted(plan, job) for job in plan.jobs if job.pass_name in PASSES)
    return plan.model_copy(update={"jobs": jobs})


def _predicted(plan: Plan, job: Job) -> Job:
    """Add the oracle's time, most of the total, to a prediction that rests on no earlier run."""
    keys = [history_key(job.pass_name, job.arm, name) for name in job.tasks]
    if all(cache.get("durations", cache.key_of(key)) is not None for key in keys):
        return job
    times = ORACLE_TRAININGS.get(job.pass_name, 0)
    more = times * sum(oracle_seconds(plan.task(name)) for name in job.tasks) if times else 0.0
    return job.model_copy(update={"predicted_seconds": round(job.predicted_seconds + more, 2)})


def oracle_seconds(task: Task) -> float:
    """Return roughly how long the oracle takes for one training of a point, on a current core.

    Measured: 0.2 ns per weight and row, 45 ns per weight, and half a millisecond per step.
    """
    steps = EPOCHS * (int(task.data.options["rows"]) - TEST_ROWS) // task.training.batch_size
    nanoseconds = 0.2 * task.training.batch_size + 45
    return steps * (5e-4 + network_of(task).parameters * nanoseconds * 1e-9)
