"""The kinds of pass: one row says all that the rest of samenet knows of each.

A pass is what one worker process does, from preparing the rows to scoring the outputs. The plan,
the schedule, the predicted times, the progress and the runner read this table; none of them
compares the name of a pass. A new one is a row here, a module with `run(order)`, its record and its
frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from samenet.runs.records import Track

PassName = Literal[
    "prepare",
    "parity",
    "certify",
    "prime",
    "cell",
    "control",
    "sensitivity",
    "quickstart",
    "reference",
    "inference",
    "limits",
    "memory",
    "curves",
    "score",
    "rescore",
    "trace",
    "contract",
    "probe",
    "study",
]
"""As in every plan.json; a name that was written once is never changed."""

OnePer = Literal["run", "arm", "result", "block", "seed", "framework", "command"]
"""Of what a schedule holds one job: the whole run, an arm with all its tasks, an arm on a task,
each repeat of that (in blocks that take turns), a seed or a repeat of a framework. What a command
starts by itself is in no schedule."""

Gives = Literal["times", "start-up", "predictions", "scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """How long one task or case takes, as in one run of everything on two cores of a server."""

    base: float = 0.0
    heavy: float = 0.0
    """More, of a framework that is installed on its own."""
    compiling: float = 0.0
    """More, per second that the compiler takes for one training step."""
    steady: float = 0.0
    """More, per second of the steady part."""

    def of(self, *, heavy: float, compiling: float, steady: float) -> float:
        """Return the seconds of one task or case of an arm."""
        more = self.heavy * heavy + self.compiling * compiling + self.steady * steady
        return self.base + more


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One kind of worker process."""

    name: PassName
    module: str
    """Where its `run(order)` is; a worker imports it after the framework."""
    says: str
    """What the progress says when a job of it is done."""
    one_per: OnePer
    seconds: Seconds = Seconds()
    lasts_like: PassName | None = None
    """The pass whose durations predict it, if not its own."""
    in_tracks: tuple[Literal["same", "quickstart"], ...] = ("same",)
    """The tracks of a plan that ask for it."""
    track: Track = "same"
    """The track of its records, and of the failure of a worker that left none."""
    timed: bool = False
    """Whether its jobs have the machine to themselves."""
    on_cases: bool = False
    """Whether its jobs are about parity cases, not about tasks."""
    needs: Literal["nothing", "data", "certificate"] = "certificate"
    """What must not have failed before: the rows of its task, or any check of its arm on it too."""
    admits: bool = False
    """Whether what fails in it, of a task or of an arm on it, is measured in no later pass."""
    certifies: bool = False
    """Whether it proves sameness: in strict float32, and once, for what passed is remembered."""
    alone: bool = False
    """Whether it starts when all before it has ended, and all after it waits for its end."""
    ends_run: bool = False
    """Whether there is nothing to go on with if it fails for every task."""
    answers: Literal["one", "many", "files"] = "one"
    """What answers for a task: any record, several (of which one is no answer), or files."""
    shares_warm_cache: bool = False
    """Whether it compiles what a result does, and shares that in a run with warm caches."""
    if_warm: bool = False
    """Whether only a run with warm caches has it."""
    counts: Literal["", "repeats", "seeds"] = ""
    """What the progress counts of it, if anything."""
    gives: tuple[Gives, ...] = ()
    """What a sentence of advice may be computed from its records."""


_ROWS = (
    Pass(
        name="prepare",
        module="samenet.worker.prepare",
        says="data prepared",
        one_per="run",
        seconds=Seconds(base=0.5),
        in_tracks=("same", "quickstart"),
        needs="nothing",
        admits=True,
        alone=True,
        ends_run=True,
    ),
    Pass(
        name="parity",
        module="samenet.worker.cases",
        says="checked",
        one_per="arm",
        seconds=Seconds(base=0.05, heavy=0.7, compiling=1.3),
        on_cases=True,
        needs="nothing",
        admits=True,
        certifies=True,
    ),
    Pass(
        name="certify",
        module="samenet.worker.certify",
        says="checked: same network",
        one_per="arm",
        seconds=Seconds(base=0.7, heavy=3, compiling=4),
        admits=True,
        certifies=True,
    ),
    Pass(
        name="prime",
        module="samenet.worker.prime",
        says="compiled, for the processes to come",
        one_per="result",
        lasts_like="cell",
        timed=True,
        shares_warm_cache=True,
        if_warm=True,
    ),
    Pass(
        name="cell",
        module="samenet.worker.timing",
        says="timed",
        one_per="block",
        seconds=Seconds(heavy=2.2, compiling=2, steady=1.5),
        timed=True,
        shares_warm_cache=True,
        counts="repeats",
        gives=("times", "start-up"),
    ),
    Pass(  # the reference a second time: what differs between two processes of the same program
        name="control",
        module="samenet.worker.timing",
        says="timed a second time, as a control",
        one_per="block",
        lasts_like="cell",
        track="control",
        timed=True,
        shares_warm_cache=True,
        gives=("start-up",),
    ),
    Pass(  # the reference with more steps than it says: whether such a difference is seen
        name="sensitivity",
        module="samenet.worker.timing",
        says="timed with 5 % more steps, to see whether that shows",
        one_per="block",
        lasts_like="cell",
        track="sensitivity",
        timed=True,
        shares_warm_cache=True,
        gives=("start-up",),
    ),
    Pass(
        name="quickstart",
        module="samenet.worker.quickstart",
        says="quick start trained",
        one_per="seed",
        seconds=Seconds(base=1, heavy=12),
        in_tracks=("quickstart",),
        track="quickstart",
        timed=True,
        needs="data",
        counts="seeds",
        gives=("start-up",),
    ),
    Pass(
        name="reference",
        module="samenet.worker.baselines",
        says="models that are not networks fitted",
        one_per="run",
        seconds=Seconds(base=2.5),
        in_tracks=("same", "quickstart"),
        track="reference",
        timed=True,
        needs="data",
        gives=("scores",),
    ),
    Pass(
        name="inference",
        module="samenet.worker.predict",
        says="predictions timed",
        one_per="framework",
        seconds=Seconds(base=1.5, heavy=3.5),
        track="inference",
        timed=True,
        gives=("predictions", "start-up"),
    ),
    Pass(
        name="limits",
        module="samenet.worker.roofline",
        says="the machine’s limit measured",
        one_per="run",
        seconds=Seconds(base=1.3),
        track="limits",
        timed=True,
    ),
    Pass(
        name="memory",
        module="samenet.worker.memory",
        says="memory measured",
        one_per="result",
        seconds=Seconds(base=0.2, heavy=1, compiling=1),
    ),
    Pass(
        name="curves",
        module="samenet.worker.curves",
        says="trained for the curves",
        one_per="arm",
        seconds=Seconds(base=0.2, heavy=1, compiling=1),
        answers="files",
        gives=("scores",),
    ),
    Pass(
        name="score",
        module="samenet.worker.score",
        says="scored",
        one_per="run",
        seconds=Seconds(base=0.7),
        in_tracks=("same", "quickstart"),
        needs="data",
        alone=True,
        answers="many",
        gives=("scores",),
    ),
    Pass(
        name="rescore",
        module="samenet.worker.rescore",
        says="scored again",
        one_per="command",
    ),
    Pass(
        name="trace",
        module="samenet.worker.trace",
        says="one step traced",
        one_per="command",
    ),
    Pass(
        name="contract",
        module="samenet.worker.contract",
        says="contract looked at",
        one_per="command",
        timed=True,
    ),
    Pass(
        name="probe",
        module="samenet.worker.probe",
        says="read back",
        one_per="command",
    ),
    Pass(
        name="study",
        module="samenet.worker.study",
        says="trained with every choice",
        one_per="command",
        timed=True,
        counts="seeds",
    ),
)

PASSES: dict[PassName, Pass] = {row.name: row for row in _ROWS}
"""By name, in the order in which a run does them."""

BLOCKS: tuple[PassName, ...] = tuple(row.name for row in _ROWS if row.one_per == "block")
"""The passes whose jobs make up the repeats of the results; the result itself is the first."""

RESULT: PassName = BLOCKS[0]
"""The pass whose times are those of a result."""

PROOFS: tuple[PassName, ...] = BLOCKS[1:]
"""The reference a second time, and with 5 % more steps: what the instrument shows of itself."""

ADMISSION: tuple[PassName, ...] = tuple(row.name for row in _ROWS if row.admits)
"""What stands before every timed job: the data, and the certificate."""


def giving(what: Gives) -> tuple[PassName, ...]:
    """Return the passes from whose records a number of this kind is computed."""
    return tuple(row.name for row in _ROWS if what in row.gives)
