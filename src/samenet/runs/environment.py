"""Whether the machine is fit to measure: rules with numbers, about the environment alone.

A rule sees what others do on the machine and never how fast an arm was: refusing what is slow
would be choosing the result. Thresholds: `samenet doctor` prints them; they are the starting values
of measurement.md 4.4, of which the practical guides' 2-3 % of steal is the loosest, but for other
work: its limit is the margin of a tie (`samenet selftest adversity`); a quiet machine shows 0.01.
Work on a processor that shares a core with a measuring one slows it as well, and has that limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samenet.adapter.api import Target
from samenet.errors import RefusedError
from samenet.machine import clock, gpu, system, topology
from samenet.machine import readings as machine_readings
from samenet.machine.readings import Counters
from samenet.runs.passes import BLOCKS, RESULT, PassName
from samenet.runs.plan import Job, Plan
from samenet.runs.records import EnvironmentRead, Record, SetAside, TimedProcess, plain
from samenet.stats.intervals import VERDICT_REPEATS_MIN

WINDOW_SECONDS = 1.0
"""How long the machine is looked at before a run."""

LOOKS = 30
"""What would be refused waits for a quiet moment, so many looks at most: a run before it starts,
and all its disturbed processes together."""

Readings = Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reading, its limit, and how a breach is said."""

    reading: str
    limit: float
    sentence: str
    """With `value` and `limit` in it."""
    at_least: bool = False
    """Whether the limit is the least that is allowed, not the most."""

    def broken(self, readings: Readings) -> bool:
        """Return whether a reading is beyond the limit; what cannot be read breaks nothing."""
        value = readings.get(self.reading)
        if value is None:
            return False
        return value < self.limit if self.at_least else value > self.limit

    def said(self, readings: Readings) -> str:
        """Return the breach in words."""
        return self.sentence.format(value=readings[self.reading], limit=self.limit)


RULES = (
    Rule(
        reading="others",
        limit=0.05,
        sentence="other work keeps {value:.2f} of the measuring processors busy "
        "(limit {limit:.2f})",
    ),
    Rule(
        reading="beside",
        limit=0.05,
        sentence="other work keeps {value:.0%} of the processors busy that share a core with the "
        "measuring ones, or may (limit {limit:.0%})",
    ),
    Rule(
        reading="steal",
        limit=0.01,
        sentence="the host takes away {value:.1%} of their time (steal; limit {limit:.0%})",
    ),
    Rule(
        reading="throttled",
        limit=0,
        sentence="the control group's processor limit has stopped this work {value:.0f} times "
        "(limit {limit:.0f})",
    ),
    Rule(
        reading="graphics_processes",
        limit=0,
        sentence="{value:.0f} other processes compute on the CUDA devices (limit {limit:.0f})",
    ),
    Rule(
        reading="memory_available_gib",
        limit=0.5,
        sentence="only {value:.2f} GiB of memory are available (at least {limit:.1f})",
        at_least=True,
    ),
)


def broken(readings: Readings) -> tuple[str, ...]:
    """Return what stands against measuring, one sentence per rule that is broken."""
    return tuple(rule.said(readings) for rule in RULES if rule.broken(readings))


def between(before: Counters, after: Counters) -> dict[str, float | None]:
    """Return what others did between two moments.

    `others`: processors kept busy by others of those that measure; `beside`: the same share of
    those beside them. This process's own work there is taken off. `steal` and `pressure`: shares
    of the time, of these processors and of the system. `switches` and `faults`, of the workers
    that ended meanwhile, and the `joules` of the packages are shown and never judged: they are the
    framework's own doing too.
    """
    seconds = max(after.when - before.when, 1e-9)

    def grown(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else max(0.0, other - one)

    def share(one: float | None, other: float | None) -> float | None:
        found = grown(one, other)
        return None if found is None else found / seconds

    busy, used = share(before.busy, after.busy), share(before.used, after.used)
    others = None if busy is None or used is None else max(0.0, busy - used)
    beside = share(before.beside, after.beside)
    return {
        "others": others,
        "beside": _beside(busy, beside, used, others, after.neighbours),
        "steal": share(before.steal, after.steal),
        "pressure": share(before.pressure, after.pressure),
        "throttled": grown(before.throttled, after.throttled),
        "switches": grown(before.switches, after.switches),
        "faults": grown(before.faults, after.faults),
        "joules": grown(before.energy, after.energy),
    }


def _beside(
    busy: float | None,
    beside: float | None,
    used: float | None,
    others: float | None,
    neighbours: int,
) -> float | None:
    """Return the share of the neighbours that others keep busy; this run may work on both kinds."""
    if busy is None or beside is None or used is None or others is None or not neighbours:
        return None
    return max(0.0, busy + beside - used - others) / neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The machine before something is measured."""

    processors: tuple[int, ...]
    beside: tuple[int, ...]
    counters: Counters
    standing: dict[str, float | None]
    """What is read at one moment: memory, other processes on the CUDA devices."""


def look(target: Target) -> Look:
    """Look at the machine; `seen` compares with a second look.

    Where a process cannot be bound to processors none of them is the one that measures, and their
    readings say nothing of it.
    """
    processors = tuple(system.measuring_cores(target.threads)) if system.can_pin() else ()
    beside = topology.neighbours(processors)
    available = machine_readings.memory_available_bytes()
    on_cuda = target.device == "cuda"
    return Look(
        processors=processors,
        beside=beside,
        counters=machine_readings.counters(processors, beside),
        standing={
            "memory_available_gib": None if available is None else available / 2**30,
            **({"graphics_processes": gpu.graphics_processes()} if on_cuda else {}),
        },
    )


def seen(before: Look) -> dict[str, float | None]:
    """Return the readings from a look until now."""
    after = machine_readings.counters(before.processors, before.beside)
    return {**between(before.counters, after), **before.standing}


def of_a_moment(target: Target) -> dict[str, float | None]:
    """Return the readings of the next moments, in which this process does nothing."""
    before = look(target)
    machine_readings.waited(WINDOW_SECONDS)
    return seen(before)


def decides(plan: Plan) -> bool:
    """Return whether a breach refuses; a screening, which gives no verdict, only says it."""
    return plan.profile != "quick" and plan.repeats >= VERDICT_REPEATS_MIN


def admitted(plan: Plan) -> tuple[str, ...]:
    """Return what a screening is to be warned of; raises RefusedError where it decides."""
    sentences: tuple[str, ...] = ()
    for _ in range(LOOKS if decides(plan) else 1):
        sentences = broken(of_a_moment(plan.target))
        if not sentences or not decides(plan):
            return sentences
    raise RefusedError(
        f"This machine is not fit to measure now: {'; '.join(sentences)}, for "
        f"{LOOKS * WINDOW_SECONDS:.0f} seconds. Wait, or stop the other work; the quick profile "
        "measures all the same and says so."
    )


def recorded(plan: Plan, job: Job, before: Look) -> EnvironmentRead:
    """Return what the machine was like while a job ran, and whether it is refused for that."""
    readings = seen(before)
    sentences = broken(readings)
    return EnvironmentRead(
        job=job.id,
        when=clock.utc(),
        pass_name=job.pass_name,
        task=job.tasks[0] if len(job.tasks) == 1 else "",
        arm=job.arm,
        repeat=job.repeat,
        readings={name: _rounded(value) for name, value in readings.items()},
        broken=sentences,
        refused=bool(sentences) and decides(plan) and job.pass_name in BLOCKS,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def set_aside(records: Sequence[Record]) -> SetAside:
    """Return the records of a process that is measured again as one event: kept, not counted."""
    (read,) = _read(records)
    return SetAside(
        job=read.job,
        when=read.when,
        pass_name=read.pass_name,
        task=read.task,
        arm=read.arm,
        repeat=read.repeat,
        readings=read.readings,
        broken=read.broken,
        refused=read.refused,
        again=True,
        records=tuple(plain(record) for record in records if record is not read),
    )


def _read(records: Iterable[Record]) -> list[EnvironmentRead]:
    """Return what was recorded of the machine during the processes that may count."""
    return [record for record in records if isinstance(record, EnvironmentRead)]


def attempts(records: Iterable[Record]) -> list[TimedProcess]:
    """Return what was recorded of the machine during all timed processes."""
    return [record for record in records if isinstance(record, TimedProcess)]


def waited_for(records: Iterable[Record]) -> bool:
    """Return whether a process was measured again, after a wait."""
    return any(isinstance(record, SetAside) for record in records)


def is_refused(records: Iterable[Record]) -> bool:
    """Return whether one of these processes is not to be counted."""
    return any(read.refused for read in _read(records))


def refused(records: Iterable[Record], of: PassName = RESULT) -> dict[tuple[str, str, int], str]:
    """Return the reason of each (task, arm, repeat) of a pass that was refused."""
    return {
        (read.task, read.arm, read.repeat): "; ".join(read.broken)
        for read in _read(records)
        if read.refused and read.pass_name == of
    }
