"""Whether the machine is fit to measure: rules with numbers, about the environment alone.

A rule sees what others do on the machine and never how fast an arm was: refusing slow processes
would mean choosing the result. `samenet doctor` prints the limits. They are the starting values of
measurement.md 4.4 (practical guides allow up to 2-3 % of steal), but for other work: its limit is
the margin of a tie (`samenet selftest adversity`); a quiet machine shows 0.01. Work on a processor
that shares a core with a measuring one slows it down as well, and has the same limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samenet.adapter.api import Target
from samenet.errors import RefusedError
from samenet.machine import clock, gpu, system, topology
from samenet.machine import readings as machine_readings
from samenet.machine.readings import Counters
from samenet.runs.passes import BLOCK_PASSES, RESULT_PASS, PassName
from samenet.runs.plan import Job, Plan
from samenet.runs.records import EnvironmentRead, ProcessSetAside, Record, TimedProcess, to_fields
from samenet.stats.intervals import VERDICT_REPEATS_MIN

WINDOW_SECONDS = 1.0
"""How long the machine is observed before a run."""

QUIET_ATTEMPTS_MAX = 30
"""How often, at most, the machine is observed while waiting for a quiet moment: by a run before it
starts, and by all its disturbed processes together."""

Readings = Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRule:
    """One reading, its limit, and the sentence about a breach."""

    reading: str
    limit: float
    sentence: str
    """With the fields `value` and `limit`."""
    at_least: bool = False
    """Whether the limit is a minimum instead of a maximum."""

    def broken(self, readings: Readings) -> bool:
        """Return whether a reading is beyond the limit; one that cannot be read never is."""
        value = readings.get(self.reading)
        if value is None:
            return False
        return value < self.limit if self.at_least else value > self.limit

    def sentence_of(self, readings: Readings) -> str:
        """Return the sentence about a breach."""
        return self.sentence.format(value=readings[self.reading], limit=self.limit)


ENVIRONMENT_RULES = (
    EnvironmentRule(
        reading="others",
        limit=0.05,
        sentence="other work keeps {value:.2f} of the measuring processors busy "
        "(limit {limit:.2f})",
    ),
    EnvironmentRule(
        reading="beside",
        limit=0.05,
        sentence="other work keeps {value:.0%} of the processors busy that share a core with the "
        "measuring ones, or may (limit {limit:.0%})",
    ),
    EnvironmentRule(
        reading="steal",
        limit=0.01,
        sentence="the host takes away {value:.1%} of their time (steal; limit {limit:.0%})",
    ),
    EnvironmentRule(
        reading="throttled",
        limit=0,
        sentence="the control group's processor limit has stopped this work {value:.0f} times "
        "(limit {limit:.0f})",
    ),
    EnvironmentRule(
        reading="graphics_processes",
        limit=0,
        sentence="{value:.0f} other processes compute on the CUDA devices (limit {limit:.0f})",
    ),
    EnvironmentRule(
        reading="memory_available_gib",
        limit=0.5,
        sentence="only {value:.2f} GiB of memory are available (at least {limit:.1f})",
        at_least=True,
    ),
)


def find_breaches(readings: Readings) -> tuple[str, ...]:
    """Return why this is no time to measure: one sentence per broken rule."""
    return tuple(rule.sentence_of(readings) for rule in ENVIRONMENT_RULES if rule.broken(readings))


def compare_counters(before: Counters, after: Counters) -> dict[str, float | None]:
    """Return what others did between two moments.

    `others`: how many of the measuring processors others kept busy; `beside`: which share of their
    neighbours; this run's own work is subtracted from both. `steal` and `pressure`: shares of the
    time, of these processors and of the system. `switches` and `faults`, of the workers that ended
    meanwhile, and the `joules` of the packages are shown and never judged: the framework causes
    them, too.
    """
    seconds = max(after.when - before.when, 1e-9)

    def grown(start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else max(0.0, end - start)

    def share(start: float | None, end: float | None) -> float | None:
        growth = grown(start, end)
        return None if growth is None else growth / seconds

    busy = share(before.busy, after.busy)
    used = share(before.used, after.used)
    others = None if busy is None or used is None else max(0.0, busy - used)
    busy_beside = share(before.beside, after.beside)
    others_beside = None
    if (
        busy is not None
        and used is not None
        and others is not None
        and busy_beside is not None
        and after.neighbours
    ):
        # This run may work on both kinds of processors: of all they did, its own work goes off,
        # and what others did on the measuring ones.
        others_beside = max(0.0, busy + busy_beside - used - others) / after.neighbours
    return {
        "others": others,
        "beside": others_beside,
        "steal": share(before.steal, after.steal),
        "pressure": share(before.pressure, after.pressure),
        "throttled": grown(before.throttled, after.throttled),
        "switches": grown(before.switches, after.switches),
        "faults": grown(before.faults, after.faults),
        "joules": grown(before.energy, after.energy),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The machine before something is measured."""

    processors: tuple[int, ...]
    beside: tuple[int, ...]
    counters: Counters
    standing: dict[str, float | None]
    """What is read at a single moment: memory, other processes on the CUDA devices."""


def take_snapshot(target: Target) -> Snapshot:
    """Read the machine's counters; `seen` reads them again and compares.

    Where a process cannot be bound to processors, none of them is the one that measures, and their
    readings say nothing about it.
    """
    processors = tuple(system.measuring_cores(target.threads)) if system.can_pin() else ()
    beside = topology.neighbours(processors)
    available = machine_readings.memory_available_bytes()
    standing: dict[str, float | None] = {
        "memory_available_gib": None if available is None else available / 2**30
    }
    if target.device == "cuda":
        standing["graphics_processes"] = gpu.graphics_processes()
    return Snapshot(
        processors=processors,
        beside=beside,
        counters=machine_readings.read_counters(processors, beside),
        standing=standing,
    )


def readings_since(before: Snapshot) -> dict[str, float | None]:
    """Return the readings from then until now."""
    after = machine_readings.read_counters(before.processors, before.beside)
    return {**compare_counters(before.counters, after), **before.standing}


def observe(target: Target) -> dict[str, float | None]:
    """Return the readings of the next second, in which this process does nothing."""
    before = take_snapshot(target)
    machine_readings.wait(WINDOW_SECONDS)
    return readings_since(before)


def refuses_breaches(plan: Plan) -> bool:
    """Return whether a breach refuses; a screening, which gives no verdict, only reports it."""
    return plan.profile != "quick" and plan.repeats >= VERDICT_REPEATS_MIN


def admit_run(plan: Plan) -> tuple[str, ...]:
    """Return the warnings for a screening; raises RefusedError if a verdict is to be given."""
    sentences: tuple[str, ...] = ()
    for _ in range(QUIET_ATTEMPTS_MAX if refuses_breaches(plan) else 1):
        sentences = find_breaches(observe(plan.target))
        if not sentences or not refuses_breaches(plan):
            return sentences
    raise RefusedError(
        f"This machine is not fit to measure now: {'; '.join(sentences)}, for "
        f"{QUIET_ATTEMPTS_MAX * WINDOW_SECONDS:.0f} seconds. Wait, or stop the other work; "
        "the quick profile measures all the same and says so."
    )


def record_environment(plan: Plan, job: Job, before: Snapshot) -> EnvironmentRead:
    """Return what the machine was like while a job ran, and whether the job is refused for it."""
    readings = readings_since(before)
    sentences = find_breaches(readings)
    return EnvironmentRead(
        job=job.id,
        when=clock.utc(),
        pass_name=job.pass_name,
        task=job.tasks[0] if len(job.tasks) == 1 else "",
        arm=job.arm,
        repeat=job.repeat,
        readings={
            name: None if value is None else round(value, 4) for name, value in readings.items()
        },
        broken=sentences,
        refused=bool(sentences) and refuses_breaches(plan) and job.pass_name in BLOCK_PASSES,
    )


def set_aside(records: Sequence[Record]) -> ProcessSetAside:
    """Return the records of a process that is measured again as one event: kept but not counted."""
    (read,) = _read(records)
    return ProcessSetAside(
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
        records=tuple(to_fields(record) for record in records if record is not read),
    )


def _read(records: Iterable[Record]) -> list[EnvironmentRead]:
    """Return what was recorded about the machine during the processes that may count."""
    return [record for record in records if isinstance(record, EnvironmentRead)]


def timed_processes(records: Iterable[Record]) -> list[TimedProcess]:
    """Return what was recorded about the machine during all timed processes."""
    return [record for record in records if isinstance(record, TimedProcess)]


def was_repeated(records: Iterable[Record]) -> bool:
    """Return whether a process was measured again, after a wait."""
    return any(isinstance(record, ProcessSetAside) for record in records)


def any_refused(records: Iterable[Record]) -> bool:
    """Return whether one of these processes is not counted."""
    return any(read.refused for read in _read(records))


def refusal_reasons(
    records: Iterable[Record], of: PassName = RESULT_PASS
) -> dict[tuple[str, str, int], str]:
    """Return the reason for each (task, arm, repeat) of a pass that was refused."""
    return {
        (read.task, read.arm, read.repeat): "; ".join(read.broken)
        for read in _read(records)
        if read.refused and read.pass_name == of
    }
