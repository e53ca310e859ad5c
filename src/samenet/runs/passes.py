"""The kinds of pass: one row says all that the rest of samenet knows about each.

A pass is what one worker process does, from preparing the rows to scoring the outputs. A run goes
through the passes below from top to bottom; a pass that is timed has the machine to itself.

    pass         one job per  timed  cannot do without  stops what comes later
    -------------------------------------------------------------------------------
    prepare      run          no     nothing            yes; all tasks: ends the run
    parity       arm          no     nothing            yes
    certify      arm          no     certificate        yes
    prime        result       yes    certificate        no
    cell         block        yes    certificate        no
    control      block        yes    certificate        no
    sensitivity  block        yes    certificate        no
    quickstart   seed         yes    data               no
    reference    run          yes    data               no
    inference    framework    yes    certificate        no
    limits       run          yes    certificate        no
    memory       result       no     certificate        no
    curves       arm          no     certificate        no
    score        run          no     data               no

The others, from `rescore` to `layers`, are started by a command and are in no schedule.

The plan, the schedule, the predicted times, the progress and the runner read these rows; none of
them compares the name of a pass. A new pass is a row here, a module with `run(order)`, its record
and its frame.
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
    "layers",
]
"""As in every plan.json; a name that was written once is never changed."""

OnePer = Literal["run", "arm", "result", "block", "seed", "framework", "command"]
"""What the schedule holds one job for: the whole run; an arm with all its tasks; a result, which
is an arm on a task; each repeat of a result (in blocks of all arms, in rotated order); each seed of
a framework; each repeat of a framework; or nothing, where a command starts the pass by itself."""

EvidenceKind = Literal["times", "start-up", "predictions", "scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassDuration:
    """How long one task or case takes; from a run of everything on two cores of a server."""

    base: float = 0.0
    heavy: float = 0.0
    """Added for a framework that is installed on its own, not with samenet."""
    compiling: float = 0.0
    """Added per second that the compiler takes for one training step."""
    steady: float = 0.0
    """Added per second of the steady part."""

    def of(self, *, heavy: float, compiling: float, steady: float) -> float:
        """Return the seconds of one task or case of an arm."""
        added = self.heavy * heavy + self.compiling * compiling + self.steady * steady
        return self.base + added


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One kind of worker process."""

    name: PassName
    module: str
    """Where its `run(order)` is; a worker imports it after the framework."""
    done_text: str
    """What the progress shows when a job of it is done."""
    one_per: OnePer
    seconds: PassDuration = PassDuration()
    duration_like: PassName | None = None
    """The pass whose durations predict this one, if not its own."""
    in_tracks: tuple[Literal["same", "quickstart"], ...] = ("same",)
    """The tracks of a plan that ask for it."""
    track: Track = "same"
    """The track of its records, and of the failure of a worker that left none."""
    timed: bool = False
    """Whether its jobs have the machine to themselves."""
    on_cases: bool = False
    """Whether its jobs are about parity cases instead of tasks."""
    needs: Literal["nothing", "data", "certificate"] = "certificate"
    """What must not have failed before: the rows of its task, and for "certificate" every check of
    its arm on the task as well."""
    gates_later_passes: bool = False
    """Whether a task, or an arm on a task, that fails in it is left out of later passes."""
    certifies: bool = False
    """Whether it proves sameness: in strict float32, and once, as what passed is remembered."""
    is_barrier: bool = False
    """Whether it starts when all jobs before it have ended, and all later ones wait for it."""
    failure_ends_run: bool = False
    """Whether the run ends if it fails for every task."""
    answers: Literal["one", "many", "files", "nothing"] = "one"
    """What a task's answer is: one record, several (a single one is not enough), files, or nothing:
    that the worker came to its end is enough."""
    shares_warm_cache: bool = False
    """Whether it compiles the same code as a result, and shares it in a run with warm caches."""
    only_if_warm: bool = False
    """Whether only a run with warm caches has this pass."""
    counts_unfinished: bool = False
    """Whether what a worker said before it ended counts: it tells where that was, and proves
    nothing."""
    progress_unit: Literal["", "repeats", "seeds"] = ""
    """What the progress counts in this pass, if anything."""
    evidence: tuple[EvidenceKind, ...] = ()
    """What sentences of advice compute from its records."""


_ROWS = (
    Pass(
        name="prepare",
        module="samenet.worker.prepare",
        done_text="data prepared",
        one_per="run",
        seconds=PassDuration(base=0.5),
        in_tracks=("same", "quickstart"),
        needs="nothing",
        gates_later_passes=True,
        is_barrier=True,
        failure_ends_run=True,
    ),
    Pass(
        name="parity",
        module="samenet.worker.cases",
        done_text="checked",
        one_per="arm",
        seconds=PassDuration(base=0.05, heavy=0.7, compiling=1.3),
        on_cases=True,
        needs="nothing",
        gates_later_passes=True,
        certifies=True,
    ),
    Pass(
        name="certify",
        module="samenet.worker.certify",
        done_text="checked: same network",
        one_per="arm",
        seconds=PassDuration(base=0.7, heavy=3, compiling=4),
        gates_later_passes=True,
        certifies=True,
    ),
    Pass(
        name="prime",
        module="samenet.worker.prime",
        done_text="compiled, for the processes to come",
        one_per="result",
        duration_like="cell",
        timed=True,
        answers="nothing",
        shares_warm_cache=True,
        only_if_warm=True,
    ),
    Pass(
        name="cell",
        module="samenet.worker.timing",
        done_text="timed",
        one_per="block",
        seconds=PassDuration(heavy=2.2, compiling=2, steady=1.5),
        timed=True,
        shares_warm_cache=True,
        progress_unit="repeats",
        evidence=("times", "start-up"),
    ),
    Pass(  # the reference again: how much two processes of the same program differ
        name="control",
        module="samenet.worker.timing",
        done_text="timed a second time, as a control",
        one_per="block",
        duration_like="cell",
        track="control",
        timed=True,
        shares_warm_cache=True,
        evidence=("start-up",),
    ),
    Pass(  # the reference with more steps than it reports: whether that difference is detected
        name="sensitivity",
        module="samenet.worker.timing",
        done_text="timed with 5 % more steps, to see whether that shows",
        one_per="block",
        duration_like="cell",
        track="sensitivity",
        timed=True,
        shares_warm_cache=True,
        evidence=("start-up",),
    ),
    Pass(
        name="quickstart",
        module="samenet.worker.quickstart",
        done_text="quick start trained",
        one_per="seed",
        seconds=PassDuration(base=1, heavy=12),
        in_tracks=("quickstart",),
        track="quickstart",
        timed=True,
        needs="data",
        progress_unit="seeds",
        evidence=("start-up",),
    ),
    Pass(
        name="reference",
        module="samenet.worker.baselines",
        done_text="models that are not networks fitted",
        one_per="run",
        seconds=PassDuration(base=2.5),
        in_tracks=("same", "quickstart"),
        track="reference",
        timed=True,
        needs="data",
        evidence=("scores",),
    ),
    Pass(
        name="inference",
        module="samenet.worker.predict",
        done_text="predictions timed",
        one_per="framework",
        seconds=PassDuration(base=1.5, heavy=3.5),
        track="inference",
        timed=True,
        evidence=("predictions", "start-up"),
    ),
    Pass(
        name="limits",
        module="samenet.worker.roofline",
        done_text="the machine’s limit measured",
        one_per="run",
        seconds=PassDuration(base=1.3),
        track="limits",
        timed=True,
    ),
    Pass(
        name="memory",
        module="samenet.worker.memory",
        done_text="memory measured",
        one_per="result",
        seconds=PassDuration(base=0.2, heavy=1, compiling=1),
    ),
    Pass(
        name="curves",
        module="samenet.worker.curves",
        done_text="trained for the curves",
        one_per="arm",
        seconds=PassDuration(base=0.2, heavy=1, compiling=1),
        answers="files",
        evidence=("scores",),
    ),
    Pass(
        name="score",
        module="samenet.worker.score",
        done_text="scored",
        one_per="run",
        seconds=PassDuration(base=0.7),
        in_tracks=("same", "quickstart"),
        needs="data",
        is_barrier=True,
        answers="many",
        evidence=("scores",),
    ),
    Pass(
        name="rescore",
        module="samenet.worker.rescore",
        done_text="scored again",
        one_per="command",
    ),
    Pass(
        name="trace",
        module="samenet.worker.trace",
        done_text="one step traced",
        one_per="command",
    ),
    Pass(
        name="contract",
        module="samenet.worker.contract",
        done_text="contract looked at",
        one_per="command",
        timed=True,
        counts_unfinished=True,
    ),
    Pass(
        name="probe",
        module="samenet.worker.probe",
        done_text="read back",
        one_per="command",
    ),
    Pass(
        name="study",
        module="samenet.worker.study",
        done_text="trained with every choice",
        one_per="command",
        timed=True,
        progress_unit="seeds",
        answers="many",
    ),
    Pass(
        name="layers",
        module="samenet.worker.layers",
        done_text="passes timed",
        one_per="command",
        seconds=PassDuration(base=0.4, heavy=0.3, compiling=3, steady=1.5),
        track="layers",
        timed=True,
        progress_unit="repeats",
    ),
)

PASSES: dict[PassName, Pass] = {row.name: row for row in _ROWS}
"""By name, in the order of a run."""

BLOCK_PASSES: tuple[PassName, ...] = tuple(row.name for row in _ROWS if row.one_per == "block")
"""The passes whose jobs make up a repeat of the results; the result itself is the first."""

RESULT_PASS: PassName = BLOCK_PASSES[0]
"""The pass whose times are those of a result."""

CONTROL_PASSES: tuple[PassName, ...] = BLOCK_PASSES[1:]
"""The reference again, and with 5 % more steps: the control arms, which test the measurement."""

ADMISSION_PASSES: tuple[PassName, ...] = tuple(row.name for row in _ROWS if row.gates_later_passes)
"""What comes before every timed job: the data, and the certificate."""


def passes_giving(what: EvidenceKind) -> tuple[PassName, ...]:
    """Return the passes whose records numbers of this kind are computed from."""
    return tuple(row.name for row in _ROWS if what in row.evidence)
