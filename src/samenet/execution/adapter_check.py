"""Try an adapter against its contract: the file, the program, the quick start, then the gates.

What costs little comes first, and what rests on something that failed is not tried.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from samenet.adapter import checklist, discovery, file_checks
from samenet.adapter.api import Target
from samenet.adapter.checklist import Finding, Item, Part
from samenet.adapter.discovery import Leaf
from samenet.certificate import coverage
from samenet.errors import UsageError
from samenet.execution import describe, planner, session
from samenet.execution.gate_findings import of_records, untried
from samenet.runs.passes import ADMISSION, PASSES, RESULT
from samenet.runs.plan import Arm, Job, Plan
from samenet.runs.records import ContractItem, FailureRecord, Record

TASKS = ("single_neuron", "iris", "diabetes")
"""One small task of each kind, with two optimisers."""

STEADY_SECONDS = 0.1
"""Gate 4 needs a timed program; its times are thrown away."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What came of one adapter in one mode."""

    arm: str
    file: str
    versions: dict[str, str]
    findings: tuple[Finding, ...]
    not_offered: tuple[str, ...] = ()
    """What samenet knows and this adapter does not offer: nothing of it was tried."""

    @property
    def passed(self) -> bool:
        """Return whether nothing failed: then everything was tried that there is."""
        return all(finding.state != "failed" for finding in self.findings)


def examine(text: str, target: Target, tasks: Sequence[str] = (), say: Say = print) -> Examination:
    """Return what came of an adapter, named as on the command line, in one of its modes.

    Raises UsageError if there is no such file, name or mode.
    """
    file = discovery.FILE.fullmatch(text)
    if file and Path(file["path"]).is_file():
        try:
            discovery.read(Path(file["path"]).absolute())
        except UsageError as error:
            return _unreadable(Path(file["path"]), str(error))
    found, mode = discovery.find(text)
    return _Examining(found, mode or found.default_modes[0], target, say).result(tuple(tasks))


def modes(text: str) -> list[str]:
    """Return the names of all modes that a text asks for: one, or the default ones of a file."""
    try:
        found, mode = discovery.find(text)
    except UsageError:
        return [text]
    return [text] if mode else [f"{text}:{each}" for each in found.default_modes]


def _unreadable(path: Path, why: str) -> Examination:
    header, *others = checklist.FILE
    findings = (Finding(item=header, state="failed", found=why), *_not_tried(others, header))
    return Examination(arm=path.stem, file=path.name, versions={}, findings=findings)


def _not_tried(items: Sequence[Item], because: Item) -> list[Finding]:
    why = f"first: {because.asks}"
    return [Finding(item=item, state="not tried", found=why) for item in items]


def _finding(item: Item, found: str) -> Finding:
    return Finding(item=item, state="failed" if found else "ok", found=found)


class _Examining:
    """One adapter in one mode, part by part."""

    def __init__(self, found: Leaf, mode: str, target: Target, say: Say) -> None:
        self.leaf, self.mode, self.target, self.say = found, mode, target, say

    def result(self, tasks: tuple[str, ...]) -> Examination:
        arm, findings = self.file()
        if arm is not None:
            findings += self.program(arm)
            findings += self.gates(arm, tasks or TASKS, findings)
        return Examination(
            arm=self.leaf.arm(self.mode),
            file=self.leaf.path.name,
            versions=arm.versions if arm else {},
            findings=tuple(findings),
            not_offered=tuple(coverage.not_offered(arm.capabilities)) if arm else (),
        )

    def file(self) -> tuple[Arm | None, list[Finding]]:
        """Look at the file, then let it describe itself in a worker."""
        items = {item.key: item for item in checklist.FILE}
        findings = [_finding(items["header"], "")]
        findings += [
            _finding(items[key], check(self.leaf)) for key, check in file_checks.CHECKS.items()
        ]
        self.say("the file is looked at; now it is loaded in a process of its own")
        arms, absent = describe.describe([(self.leaf, self.mode)], self.target.place)
        described = ["installed", "loads", "capabilities"]
        wrong = _where(absent[0]) if absent else "capabilities"
        texts = dict.fromkeys(described[: described.index(wrong)], "")
        texts[wrong] = absent[0].reason if absent else self._offered(arms[0])
        findings += [_finding(items[key], found) for key, found in texts.items()]
        rest = [items[key] for key in described if key not in texts]
        findings += _not_tried(rest, items[wrong])
        return (None if texts[wrong] else arms[0]), findings

    def _offered(self, arm: Arm) -> str:
        return file_checks.capabilities(arm.capabilities) or (
            planner.lacking(arm, self.target) or ""
        )

    def program(self, arm: Arm) -> list[Finding]:
        """Try the program and the quick start in workers."""
        parts: list[Part] = ["program"]
        if self.leaf.header.quickstart:
            parts.append("quick start")
        plan = self._plan((TASKS[0],))
        jobs = tuple(_contract_job(plan, arm, part) for part in parts)
        records = self._carried_out(plan.model_copy(update={"jobs": jobs}))
        return [each for part in parts for each in answered(part, records)]

    def gates(self, arm: Arm, tasks: tuple[str, ...], before: Sequence[Finding]) -> list[Finding]:
        """Prove the certificate on some tasks, if the program keeps the rest of its contract.

        Beside what the tasks rest on, every part that is offered is tried in a parity case.
        """
        broken = [f.item for f in before if f.item.part == "program" and f.state == "failed"]
        if broken:
            return untried(f"first: {broken[0].asks}")
        wanted = coverage.covering(arm.capabilities)
        plan = self._plan(tasks, tuple(wanted))
        self.say(f"{len(wanted)} parity cases try what it offers, {len(tasks)} tasks the rest")
        records = self._carried_out(plan.only(*ADMISSION, RESULT))
        return of_records(records, arm.capabilities, wanted)

    def _plan(self, tasks: tuple[str, ...], cases: tuple[str, ...] = ()) -> Plan:
        request = planner.Request(
            tasks=tasks, target=self.target, track="same", repeats=1, cases=cases
        )
        plan = planner.make_plan(request, [(self.leaf, self.mode)])
        return plan.model_copy(update={"steady_seconds": STEADY_SECONDS})

    def _carried_out(self, plan: Plan) -> list[Record]:
        with tempfile.TemporaryDirectory() as folder:
            store = session.start(plan, Path(folder) / "run", self._watch)
            return store.records()

    def _watch(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        del records
        about = "functions, optimisers" if job.kind.on_cases else ", ".join(job.tasks)
        self.say(f"{job.pass_name}: {about} ({seconds:.1f} s)")


def _where(absent: describe.Absent) -> str:
    """Return which item a description failed at; its traceback says whether the file was loaded."""
    if absent.mark == "not installed":
        return "installed"
    while_loading = ", in load\n" in absent.detail or "importlib.import_module" in absent.detail
    return "loads" if while_loading or not absent.detail else "capabilities"


def _contract_job(plan: Plan, arm: Arm, part: Part) -> Job:
    seconds = 60.0 if arm.compiler not in ("", "none") else 20.0
    return Job(
        id=f"contract/{plan.arm(arm.name).name}/{part}",
        pass_name="contract",
        arm=arm.name,
        tasks=(part,),
        timed=PASSES["contract"].timed,
        predicted_seconds=seconds,
    )


def answered(part: Part, records: Sequence[Record]) -> list[Finding]:
    """Return what a worker answered; where it ended early, the next item is what ended it."""
    items = checklist.PARTS[part]
    found = {
        record.key: record.found
        for record in records
        if isinstance(record, ContractItem) and record.part == part
    }
    findings = [_finding(item, found[item.key]) for item in items if item.key in found]
    rest = [item for item in items if item.key not in found]
    ended = [r.reason for r in records if isinstance(r, FailureRecord) and r.task == part]
    if rest and ended:
        findings.append(_finding(rest.pop(0), ended[0]))
    if rest:
        findings += _not_tried(rest, next(f.item for f in reversed(findings) if f.found))
    return findings
