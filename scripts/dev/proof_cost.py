"""What proving costs in a run: `python -P scripts/dev/proof_cost.py RUN`.

From the records of a finished run, in seconds of its workers: the certificates, which are made once
per machine and then remembered; and what the timed processes spend outside their timed phases: the
start of the interpreter, reading the order and the data, and, after the clock, the checks of the
timed program. The first process of a result also does its whole timing again (the replay).
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from samenet.runs.folder import open_run
from samenet.runs.passes import RESULT_PASS
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished, TimingRecord

CERTIFICATES = ("parity", "certify")


def main(folder: Path) -> None:
    """Print the table."""
    store = open_run(folder)
    plan = Plan.model_validate(store.read_json("plan.json"))
    records = store.records()
    ended = {record.job: record for record in records if isinstance(record, JobFinished)}
    timed: dict[str, float] = defaultdict(float)
    for record in records:
        if isinstance(record, TimingRecord):
            timed[record.job] += sum(record.seconds)
    outside: dict[tuple[str, str], list[float]] = defaultdict(list)
    for job in plan.jobs:
        if job.pass_name == RESULT_PASS and job.id in ended:
            outside[job.arm, *job.tasks].append(ended[job.id].seconds - timed[job.id])
    whole = sum(record.seconds for record in ended.values())
    proofs = sum(r.seconds for r in ended.values() if r.pass_name in CERTIFICATES)
    later = {key: statistics.median(values[1:]) for key, values in outside.items() if values[1:]}
    replayed = sum(outside[key][0] - usual for key, usual in later.items())
    print(f"{whole:8.1f} s   all workers of {plan.name}")
    print(f"{proofs:8.1f} s   certificates ({proofs / whole:.1%}), remembered by later runs")
    print(f"{replayed:8.1f} s   replays ({replayed / whole:.1%}): first processes over later ones")
    print()
    print("outside the timed phases, seconds in the first process and in later ones:")
    for (arm, *tasks), values in sorted(outside.items()):
        usual = f"{later[arm, *tasks]:6.2f}" if (arm, *tasks) in later else "     -"
        print(f"  {arm:20} {' '.join(tasks):16} {values[0]:6.2f} {usual}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
