"""The size ladder: small to large networks, one task each, from which costs are fitted.

Sixteen design points and five held-out ones between them, chosen once and fixed. The design was
spread greedily (each point the farthest from those before it, maximin: Johnson, Moore & Ylvisaker
1990) in the logarithms of width 16 to 2048, batch 16 to 4096 and depth 1 to 4; then points were
moved so that the number of weights has no gap wider than a factor of eight, for that is where
caches end, and so that some widths are no powers of two, which have a memory layout of their own.
Points and terms were tried on 41 sizes in two frameworks on one machine. The held-out ones are
none of these: they were chosen after terms and design were fixed, before any of them was measured.
What the model is worth elsewhere is what a run's own held-out errors say. What costs more than
2^29 multiplications per forward pass is left out: there every framework waits for its matrix
products, and the float64 oracle would take most of the time.

A point is a task like any other: prepared, certified on its own network and timed by the same
passes. It trains for few epochs of one call each, as gates 2 and 4 follow every step of them. The
rate is so small that nothing is learnt by heart in the steady part: saturated outputs would end
in denormal numbers, which are slow, and in gradients that are nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from samenet import cache
from samenet.durations import history_key
from samenet.plan import Job, Plan
from samenet.spec import Activation, Dense, Kind, ModelSpec, Network
from samenet.task import DataSpec, Task
from samenet.training import Adam, Loss, TrainSpec


class Point(NamedTuple):
    """A size: units of the inputs and of every hidden layer, rows of a step, hidden layers."""

    width: int
    batch_size: int
    depth: int

    @property
    def work(self) -> int:
        """Return the multiplications of one forward pass, without the head's."""
        return self.depth * self.width**2 * self.batch_size

    def __str__(self) -> str:
        """Return the size as tables show it, e.g. '256 × 2, batch 64'."""
        return f"{self.width} × {self.depth}, batch {self.batch_size}"


DESIGN = tuple(
    Point(*sizes)
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
    )
)
HELD_OUT = tuple(
    Point(*sizes)
    for sizes in ((40, 96, 3), (80, 768, 2), (160, 48, 2), (320, 384, 3), (896, 64, 2))
)
SEEDS = {Point(256, 2048, 4): 8, Point(384, 3072, 1): 6}
"""Of the rows, where it is not 0: the first with which no weighted sum of the batch that gate 1
looks at is within 2^-24 of a kink, relative to its summed magnitudes (`oracle.margin`), at either
end of the training. Among a million sums one may round to the other side, in float32, by chance."""

CLASSES = 10
TEST_ROWS = 16
EPOCHS = 2
"""Of one call each: the first holds the compile, the second does not."""

SOURCE = "synthetic:ladder"
HELD_OUT_NAME = "held-out"
PASSES = ("prepare", "parity", "certify", "cell")


def steps_per_call(point: Point) -> int:
    """Return K: few steps where one is long, many where a call costs more than its steps."""
    return 64 if point.work <= 2**20 else 16 if point.work <= 2**24 else 4


def tasks() -> tuple[Task, ...]:
    """Return all points as tasks, the design before the held-out ones."""
    return (
        *(task_of(point, "ladder") for point in DESIGN),
        *(task_of(point, HELD_OUT_NAME) for point in HELD_OUT),
    )


def task_of(point: Point, family: str) -> Task:
    """Return the task that has this size; the optimiser is the main job's, at 1/16 of its rate."""
    width, batch_size, depth = point
    rows = steps_per_call(point) * batch_size
    layer = Dense(units=width, activation=Activation(name="relu"))
    return Task(
        name=f"{family}-{width}x{depth}-batch-{batch_size}",
        title=str(point),
        kind=Kind.MULTICLASS,
        data=DataSpec(
            source=SOURCE,
            options={
                "rows": rows + TEST_ROWS,
                "features": width,
                "classes": CLASSES,
                "seed": SEEDS.get(point, 0),
            },
            test_rows=TEST_ROWS,
        ),
        model=ModelSpec(layers=(layer,) * depth),
        training=TrainSpec(
            loss=Loss(name="sparse_categorical_cross_entropy"),
            optimizer=Adam(learning_rate=2**-14, beta1=7 / 8, beta2=1 - 2**-10, epsilon=2**-40),
            batch_size=batch_size,
            epochs=EPOCHS,
        ),
    )


def is_point(task: Task) -> bool:
    """Return whether a task of a run is a point of a ladder, of this version or another."""
    return task.data.source == SOURCE


def is_held_out(task: Task) -> bool:
    """Return whether a point is kept from the fit, to judge it."""
    return task.name.startswith(HELD_OUT_NAME)


def network_of(task: Task) -> Network:
    """Return the network of a point."""
    inputs, outputs = (int(task.data.options[key]) for key in ("features", "classes"))
    return task.model.network(inputs=inputs, outputs=outputs)


def points(found: Iterable[Task]) -> list[Task]:
    """Return those tasks that are points of a ladder."""
    return [task for task in found if is_point(task)]


TRAINED = {"certify": 8, "cell": 5}
"""How often the float64 oracle trains a point's network in each pass."""


def only_steps(plan: Plan) -> Plan:
    """Return the plan without what says nothing about the cost of a step."""
    jobs = tuple(_predicted(plan, job) for job in plan.jobs if job.pass_name in PASSES)
    return plan.model_copy(update={"jobs": jobs})


def _predicted(plan: Plan, job: Job) -> Job:
    """Add the oracle's time to a prediction that comes from no earlier run: most of it is that."""
    keys = [history_key(job.pass_name, job.arm, name) for name in job.tasks]
    if all(cache.get("durations", cache.key_of(key)) is not None for key in keys):
        return job
    times = TRAINED.get(job.pass_name, 0)
    more = times * sum(oracle_seconds(plan.task(name)) for name in job.tasks) if times else 0.0
    return job.model_copy(update={"predicted_seconds": round(job.predicted_seconds + more, 2)})


def oracle_seconds(task: Task) -> float:
    """Return about how long the oracle takes for one training of a point, on a core of today.

    Measured: 0.2 ns per weight and row, 45 ns per weight, and half a millisecond per step.
    """
    steps = EPOCHS * (int(task.data.options["rows"]) - TEST_ROWS) // task.training.batch_size
    nanoseconds = 0.2 * task.training.batch_size + 45
    return steps * (5e-4 + network_of(task).parameters * nanoseconds * 1e-9)
