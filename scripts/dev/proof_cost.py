"""What proving costs in a run: `python -P scripts/dev/proof_cost.py RUN`.

From the records of a finished run, in seconds of its workers: the certificates, which are made once
per machine and then remembered; and what each timed process does after the clock has stopped: gate
4 to its end, the read-backs, and in the first process of a result its whole timing again.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from samenet.runs.folder import open_run
from samenet.runs.passes import PASSES, RESULT_PASS
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished, TimingRecord


def main(folder: Path) -> None:
    """Print the table."""
    store = open_run(folder)
    plan = Plan.model_validate(store.read_json("plan.json"))
    records = store.records()
    ended = {record.job: record for record in records if isinstance(record, JobFinished)}
    checks: dict[str, float] = defaultdict(float)
    for record in records:
        if isinstance(record, TimingRecord) and record.phase == "check":
            checks[record.job] += sum(record.seconds)
    if not checks:
        sys.exit(
            f"samenet: {folder} does not say how long its checks took: it is of an older version."
        )
    of_result: dict[tuple[str, str], list[float]] = defaultdict(list)
    for job in plan.jobs:
        if job.pass_name == RESULT_PASS and job.id in ended:
            of_result[job.arm, " ".join(job.tasks)].append(checks[job.id])
    whole = sum(record.seconds for record in ended.values())
    proofs = sum(r.seconds for r in ended.values() if PASSES[r.pass_name].certifies)
    after = sum(checks.values())
    print(f"{whole:8.1f} s   all workers of {plan.name}")
    print(f"{proofs:8.1f} s   certificates ({proofs / whole:.1%}); remembered by later runs")
    print(f"{after:8.1f} s   checks after the clock ({after / whole:.1%}), in every run")
    print()
    print("seconds after the clock, in the first process of a result and in a later one:")
    for (arm, tasks), values in sorted(of_result.items()):
        later = f"{statistics.median(values[1:]):6.2f}" if values[1:] else "     -"
        print(f"  {arm:20} {tasks:16} {values[0]:6.2f} {later}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
