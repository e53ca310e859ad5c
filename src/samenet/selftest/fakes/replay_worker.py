"""A worker that answers what another has answered before: a whole run takes a second.

It is started, watched and read like any worker, and answers through the same file. What it answers
stands in the folder that SAMENET_REPLAY names: answers.json holds the lines of every job, files/
what its passes write into the run folder.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from samenet.machine import files, system
from samenet.runs.answer import AnswerFile
from samenet.runs.records import decode
from samenet.worker.__main__ import do_and_exit

REPLAY_VARIABLE = "SAMENET_REPLAY"
POINTS_VARIABLE = "SAMENET_POINTS"
"""A file for the names of the failure points that are passed."""

WORK_SECONDS = 0.01
"""How long it works before and after its answer: two instants more at which it can be struck."""


def main() -> None:
    """Do the job of the order that is the last argument."""
    raw: dict[str, Any] = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    system.die_with_parent()
    replay = Path(os.environ[REPLAY_VARIABLE])
    lines = json.loads((replay / "answers.json").read_text(encoding="utf-8"))[raw["job"]["id"]]
    records = [decode(line) for line in lines]
    answer = AnswerFile(path=Path(raw["answer"]), attempt=raw["attempt"])
    time.sleep(WORK_SECONDS)
    for source in (replay / "files" / raw["job"]["pass_name"]).rglob("*.npz"):
        place = Path(raw["folder"]) / source.parent.name / source.name
        files.write_whole(place, source.read_bytes(), durable=False)
    wanted = raw["job"]["tasks"]
    answer.add([record for record in records if getattr(record, "task", wanted[0]) in wanted])
    time.sleep(WORK_SECONDS)
    answer.close()


def log_points(place: Path) -> None:
    """Let this process strike nowhere and write down the failure points that it passes."""

    def note(point: str, torn: object = None) -> None:
        del torn
        with place.open("a", encoding="utf-8") as file:
            file.write(f"{point}\n")

    files.strike = note


if __name__ == "__main__":
    if POINTS_VARIABLE in os.environ:
        log_points(Path(os.environ[POINTS_VARIABLE]))
    do_and_exit(main)
