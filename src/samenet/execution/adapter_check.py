"""Check an adapter against its contract: the file, the program, the quick start, then the gates.

What costs little comes first, and what depends on something that failed is not tried.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from samenet.adapter import checklist, discovery, file_checks
from samenet.adapter.api import Target
from samenet.adapter.checklist import ChecklistItem, ChecklistPart, ChecklistResult
from samenet.adapter.discovery import AdapterFile
from samenet.certificate import coverage
from samenet.errors import UsageError
from samenet.execution import describe, planner, session
from samenet.execution.gate_findings import findings_of_gates, untried_gates
from samenet.runs.passes import ADMISSION_PASSES, PASSES, RESULT_PASS
from samenet.runs.plan import Arm, Job, Plan
from samenet.runs.records import ContractItem, FailureRecord, Record

CHECK_TASKS = ("single_neuron", "iris", "diabetes")
"""One small task of each kind, with two optimisers between them."""

STEADY_SECONDS = 0.1
"""Gate 4 needs a timed program; its times are discarded."""

Printer = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the check of one adapter in one mode found."""

    arm: str
    file: str
    versions: dict[str, str]
    findings: tuple[ChecklistResult, ...]
    not_offered: tuple[str, ...] = ()
    """What samenet knows and this adapter does not offer: nothing of it was tried."""

    @property
    def passed(self) -> bool:
        """Return whether nothing failed; then everything was tried."""
        return all(finding.state != "failed" for finding in self.findings)


def examine(
    text: str,
    target: Target,
    tasks: Sequence[str] = (),
    say: Printer = print,
    worker_seconds: float | None = None,
) -> Examination:
    """Check an adapter, named as on the command line, in one of its modes.

    `worker_seconds` is how long each process may take, if not as long as it should need.
    Raises UsageError if there is no such file, name or mode.
    """
    file = discovery.FILE.fullmatch(text)
    if file and Path(file["path"]).is_file():
        try:
            discovery.read(Path(file["path"]).absolute())
        except UsageError as error:
            return _unreadable(Path(file["path"]), str(error))
    leaf, mode = discovery.find(text)
    examiner = _Examiner(leaf, mode or leaf.default_modes[0], target, say, worker_seconds)
    return examiner.result(tuple(tasks))


def list_modes(text: str) -> list[str]:
    """Return the modes that a text asks for: one, or the default ones of an adapter."""
    try:
        leaf, mode = discovery.find(text)
    except UsageError:
        return [text]
    return [text] if mode else [f"{text}:{default}" for default in leaf.default_modes]


def _unreadable(path: Path, why: str) -> Examination:
    header, *others = checklist.FILE_ITEMS
    findings = (
        ChecklistResult(item=header, state="failed", found=why),
        *_not_tried(others, header),
    )
    return Examination(arm=path.stem, file=path.name, versions={}, findings=findings)


def _not_tried(items: Sequence[ChecklistItem], because: ChecklistItem) -> list[ChecklistResult]:
    why = f"first: {because.asks}"
    return [ChecklistResult(item=item, state="not tried", found=why) for item in items]


def _finding(item: ChecklistItem, found: str) -> ChecklistResult:
    return ChecklistResult(item=item, state="failed" if found else "ok", found=found)


class _Examiner:
    """Checks one adapter in one mode, part by part."""

    def __init__(
        self,
        leaf: AdapterFile,
        mode: str,
        target: Target,
        say: Printer,
        worker_seconds: float | None,
    ) -> None:
        self.leaf = leaf
        self.mode = mode
        self.target = target
        self.say = say
        self.worker_seconds = worker_seconds

    def result(self, tasks: tuple[str, ...]) -> Examination:
        arm, findings = self.file()
        if arm is not None:
            findings += self.program(arm)
            findings += self.gates(arm, tasks or CHECK_TASKS, findings)
        return Examination(
            arm=self.leaf.arm(self.mode),
            file=self.leaf.path.name,
            versions=arm.versions if arm else {},
            findings=tuple(findings),
            not_offered=tuple(coverage.not_offered(arm.capabilities)) if arm else (),
        )

    def file(self) -> tuple[Arm | None, list[ChecklistResult]]:
        """Check the file, then let it describe itself in a worker."""
        items = {item.key: item for item in checklist.FILE_ITEMS}
        findings = [_finding(items["header"], "")]
        findings += [
            _finding(items[key], check(self.leaf)) for key, check in file_checks.CHECKS.items()
        ]
        self.say("the file is looked at; now it is loaded in a process of its own")
        arms, absent = describe.describe_adapters([(self.leaf, self.mode)], self.target.place)
        # These follow on one another: what comes before the last one reached is kept.
        steps = ["installed", "loads", "capabilities"]
        if absent:
            last, fault = _where(absent[0]), absent[0].reason
        else:
            last = "capabilities"
            fault = file_checks.capabilities(arms[0].capabilities)
            fault = fault or planner.why_not_runnable(arms[0], self.target) or ""
        reached = steps.index(last)
        findings += [_finding(items[key], "") for key in steps[:reached]]
        findings.append(_finding(items[last], fault))
        findings += _not_tried([items[key] for key in steps[reached + 1 :]], items[last])
        return (None if fault else arms[0]), findings

    def program(self, arm: Arm) -> list[ChecklistResult]:
        """Try the program and the quick start in workers."""
        parts: list[ChecklistPart] = ["program"]
        if self.leaf.header.quickstart:
            parts.append("quick start")
        plan = self._plan((CHECK_TASKS[0],))
        jobs = tuple(_contract_job(plan, arm, part) for part in parts)
        records = self._carried_out(plan.model_copy(update={"jobs": jobs}))
        return [finding for part in parts for finding in findings_of_part(part, records)]

    def gates(
        self, arm: Arm, tasks: tuple[str, ...], before: Sequence[ChecklistResult]
    ) -> list[ChecklistResult]:
        """Prove the certificate on some tasks, if the program keeps the rest of its contract.

        Beside what the tasks rest on, every part that is offered is tried in a parity case.
        """
        broken = [
            finding.item
            for finding in before
            if finding.item.part == "program" and finding.state == "failed"
        ]
        if broken:
            return untried_gates(f"first: {broken[0].asks}")
        wanted = coverage.covering(arm.capabilities)
        plan = self._plan(tasks, tuple(wanted))
        self.say(f"{len(wanted)} parity cases try what it offers, {len(tasks)} tasks the rest")
        records = self._carried_out(plan.only(*ADMISSION_PASSES, RESULT_PASS))
        return findings_of_gates(records, arm.capabilities, wanted)

    def _plan(self, tasks: tuple[str, ...], cases: tuple[str, ...] = ()) -> Plan:
        request = planner.Request(
            tasks=tasks,
            target=self.target,
            track="same",
            repeats=1,
            cases=cases,
            worker_seconds=self.worker_seconds,
        )
        plan = planner.make_plan(request, [(self.leaf, self.mode)])
        return plan.model_copy(update={"steady_seconds": STEADY_SECONDS})

    def _carried_out(self, plan: Plan) -> list[Record]:
        with tempfile.TemporaryDirectory() as folder:
            store = session.start_run(plan, Path(folder) / "run", self._watch)
            return store.records()

    def _watch(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        del records
        about = "functions, optimisers" if job.kind.on_cases else ", ".join(job.tasks)
        self.say(f"{job.pass_name}: {about} ({seconds:.1f} s)")


def _where(absent: describe.UnavailableAdapter) -> str:
    """Return the item at which a description failed, as its traceback shows."""
    if absent.mark == "not installed":
        return "installed"
    while_loading = ", in load\n" in absent.detail or "importlib.import_module" in absent.detail
    return "loads" if while_loading or not absent.detail else "capabilities"


def _contract_job(plan: Plan, arm: Arm, part: ChecklistPart) -> Job:
    seconds = 60.0 if arm.compiler not in ("", "none") else 20.0
    return Job(
        id=f"contract/{plan.arm(arm.name).name}/{part}",
        pass_name="contract",
        arm=arm.name,
        tasks=(part,),
        timed=PASSES["contract"].timed,
        predicted_seconds=seconds,
    )


def findings_of_part(part: ChecklistPart, records: Sequence[Record]) -> list[ChecklistResult]:
    """Return a worker's findings; if it ended early, the item after its last one ended it."""
    items = checklist.ITEMS_BY_PART[part]
    fault_of = {
        record.key: record.found
        for record in records
        if isinstance(record, ContractItem) and record.part == part
    }
    findings = [_finding(item, fault_of[item.key]) for item in items if item.key in fault_of]
    rest = [item for item in items if item.key not in fault_of]
    failures = [r.reason for r in records if isinstance(r, FailureRecord) and r.task == part]
    if rest and failures:
        findings.append(_finding(rest.pop(0), failures[0]))
    if rest:
        last_fault = next(finding.item for finding in reversed(findings) if finding.found)
        findings += _not_tried(rest, last_fault)
    return findings
