"""Write down what samenet says, so that two versions of its code can be compared line by line.

    python -P scripts/dev/same_output.py OUT            with the samenet of this interpreter
    python -P scripts/dev/same_output.py --compare A B  say where two such folders differ

Three kinds of run are looked at, each in a clean environment of its own:

live/       a plan that is always the same is carried out, with a framework made for this
            (fixed_framework/) beside NumPy. What was measured, when and where is left out; kinds,
            order, keys, checks, scores, marks and reasons are written down as they are.
made_up/    the same run with invented measurements in place of the real ones: its page, its advice
            and its JSON have to be the same to the last digit.
old/        runs that an earlier version has measured (tests/data/runs_before_packages), as this
            version reports, verifies and compares them: the same to the last digit, too.

Source listings on the page are left out: imports in them follow the modules' names. Needs the
standard library beside the samenet that is looked at, which it knows by its command line alone.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ADAPTER = HERE / "fixed_framework" / "fixed_adapter.py"
OLD_RUNS = ROOT / "tests" / "data" / "runs_before_packages"
PLAN = (
    *("run", "iris", "diabetes", "--repeats", "2", "--track", "both", "--name", "same-output"),
    *("--framework", f"{ADAPTER}:eager", "--framework", f"{ADAPTER}:compiled"),
    *("--framework", f"{ADAPTER}:fit", "--framework", "numpy:plain"),
)
DIFFERENT = 4
MASK = "#"
SHOWN_MAX = 40
WHEN = "2026-11-30T12:00:00+00:00"

Json = dict[str, Any]


# Running samenet.


@dataclass(frozen=True, slots=True)
class Commands:
    """The command line of the samenet of this interpreter, in an environment of its own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment without what could change an answer."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SAMENET_", "COLUMNS"))}
        own = {"SAMENET_CACHE": self.folder / "cache", "SAMENET_LOCK": self.folder / "lock"}
        fixed = {"COLUMNS": "200", "MPLBACKEND": "Agg", "NO_COLOR": "1", "TZ": "UTC"}
        return kept | fixed | {name: str(path) for name, path in own.items()}

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run this interpreter."""
        return subprocess.run(
            [sys.executable, "-P", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def say(self, *words: str) -> str:
        """Run a command and return all it says, without this folder's own name."""
        done = self.python("-m", "samenet", *words)
        told = f"{done.stdout}{done.stderr}exit code {done.returncode}\n"
        return told.replace(f"{self.folder}{os.sep}", "").replace(str(self.folder), ".")


def written(out: Path) -> None:
    """Write down everything into a folder that is made anew."""
    if out.exists() and any(out.iterdir()) and not (out / "live").is_dir():
        raise SystemExit(f"same_output: {out} holds something else; name a new folder.")
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="same-output-") as name:
        commands = Commands(Path(name).resolve())
        live = commands.folder / "live"
        progress = commands.say(*PLAN, "--out", str(live))
        if not (live / "report.html").exists():
            raise SystemExit(f"same_output: the run did not end with a page.\n{progress}")
        keep(out / "live" / "progress.txt", progress_lines(progress))
        keep(out / "live" / "plan.txt", plan_lines(read_json(live / "plan.json")))
        keep(out / "live" / "records.txt", record_lines(live))
        keep(out / "live" / "verify.txt", [re.sub(r"\d+", MASK, commands.say("verify", "live"))])
        make_up(live, commands.folder / "made_up")
        say_everything(commands, "made_up", out / "made_up")
        say_old_runs(commands, out / "old")


def say_old_runs(commands: Commands, out: Path) -> None:
    """Write down what is said of the runs of an earlier version, alone and beside each other."""
    for archive in sorted(OLD_RUNS.glob("*.tar.xz")):
        with tarfile.open(archive) as file:
            file.extractall(commands.folder, filter="data")
        name = archive.name.removesuffix(".tar.xz")
        say_everything(commands, name, out / name)
        keep(out / name / "verify.txt", [commands.say("verify", name)])
    beside = commands.say("report", "iris_quick", "iris_interrupted", "--out", "beside.html")
    say_page(commands.folder / "beside.html", out / "beside", beside)
    for form in ("--json", "--markdown"):
        told = commands.say("compare", "iris_quick", "iris_interrupted", form)
        keep(out / "beside" / f"compare{form}.txt", [told])


LOADED = """
import sys, json, samenet
run = samenet.load(sys.argv[1])
print(run)
print(*run.advice(), sep="\\n")
print(run.frame().to_csv(index=False))
print(run.scores().to_csv(index=False))
print(json.dumps(run.json(), indent=1, ensure_ascii=False))
"""


def say_everything(commands: Commands, name: str, out: Path) -> None:
    """Write down all that is said of one run folder."""
    say_page(commands.folder / name / "report.html", out, commands.say("report", name, "--json"))
    keep(out / "advise.txt", [commands.say("advise", name)])
    keep(out / "advise.json.txt", [commands.say("advise", name, "--json")])
    done = commands.python("-c", LOADED, name)
    keep(out / "python.txt", [done.stdout, done.stderr])


def say_page(page: Path, out: Path, told: str) -> None:
    """Write down what a page shows and what is embedded in it."""
    if not page.exists():
        raise SystemExit(f"same_output: there is no page.\n{told}")
    parsed = Page()
    parsed.feed(page.read_text(encoding="utf-8"))
    keep(out / "page.txt", [*parsed.lines, told])
    for name, text in parsed.embedded.items():
        values = json.dumps(unpacked(text), indent=1, ensure_ascii=False, sort_keys=True)
        keep(out / f"page.{name}.json", [values])


def keep(path: Path, lines: Sequence[str]) -> None:
    """Write lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8", newline="\n")


def read_json(path: Path) -> Json:
    """Return one JSON document."""
    document: Json = json.loads(path.read_text(encoding="utf-8"))
    return document


# What a live run says, without what was measured.

DURATION = re.compile(r"\d[\d.,:]* ?(?:ns|µs|ms|s\b|min(?:utes)?|hours?)|\d+:\d\d")


def progress_lines(text: str) -> list[str]:
    """Return the progress without its times, sorted: two workers may be at work.

    The table and the advice under it follow from times: what the made-up run says stands for them.
    """
    lines = [DURATION.sub(MASK, line) for line in text.splitlines()]
    return [
        *(line for line in lines if line.startswith("exit code") or " repeats, about " in line),
        *sorted(line for line in lines if line.startswith("[")),
    ]


def plan_lines(plan: Json) -> list[str]:
    """Return the schedule: what is done to what, in which order, and what is left out."""
    named = ("name", "profile", "repeats", "margin", "cache", "seeds", "track", "target", "skipped")
    jobs = [{**job, "predicted_seconds": MASK} for job in plan["jobs"]]
    return [
        *(f"{key}: {json.dumps(plan[key])}" for key in named),
        *(json.dumps(task, ensure_ascii=False) for task in plan["tasks"]),
        *(f"{arm['name']} {arm['mode']} {arm['quickstart_lines']}" for arm in plan["arms"]),
        *(json.dumps(arm["capabilities"], sort_keys=True) for arm in plan["arms"]),
        *map(json.dumps, jobs),
    ]


MEASURED_CHECKS = {"processors kept busy", "share of the work left after sync"}
CALIBRATED = {"calibration", "call"}


def record_lines(folder: Path) -> list[str]:
    """Return every record without what was measured, job by job in the order of the plan.

    Jobs that are not timed run side by side and end in any order; within a job the order counts.
    How often a stretch is calibrated depends on the machine: it is written down once.
    """
    jobs = [job["id"] for job in read_json(folder / "plan.json")["jobs"]]
    place = {job: number for number, job in enumerate(jobs)}
    records = [masked(record) for record in read_records(folder)]
    records.sort(key=lambda record: place.get(record["job"], -1))
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    return [line for line, _ in groupby(lines)]


def read_records(folder: Path) -> Iterator[Json]:
    """Yield the records of a run."""
    with (folder / "records.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def masked(record: Json) -> Json:
    """Return a record with a sign in place of everything that was measured."""
    kind, changed = record["kind"], dict[str, Any](sha256=MASK)
    if kind in {"timing", "limit"}:
        changed |= {"seconds": MASK}
    if kind == "timing" and record["cpu_seconds"] is not None:
        changed |= {"cpu_seconds": MASK}
    if kind == "timing" and record["phase"] in CALIBRATED:
        changed |= {"steps": MASK}
    if kind == "certificate" and record["quantity"] in MEASURED_CHECKS:
        changed |= {"error": MASK}
    if kind == "footprint":
        changed |= {"bytes_after_import": MASK, "bytes_peak": MASK}
    if kind == "event":
        changed |= {"when": MASK, "data": masked_event(record["name"], record["data"])}
    return {**record, **changed}


def masked_event(name: str, data: Json) -> Json:
    """Return the data of an event likewise."""
    if name == "job finished":
        return {**data, "seconds": MASK}
    if name == "plan sealed":
        return dict.fromkeys(data, MASK)
    if "readings" in data:
        readings = {key: value and MASK for key, value in data["readings"].items()}
        known = {key: None if value is None else MASK for key, value in readings.items()}
        return {**data, "readings": known, "broken": MASK}
    return data


# A run with invented measurements.

SECONDS = {
    "interpreter": 0.04,
    "import": 0.6,
    "wake": 0.02,
    "build": 0.03,
    "load": 0.002,
    "first_call": 0.15,
    "warmup": 0.004,
    "call": 0.012,
    "call_other_first": 0.05,
    "call_other": 0.001,
    "own_fit": 0.006,
    "fit": 0.9,
}
FACTORS = {"fixed:eager": 2.0, "fixed:compiled": 1.0, "fixed:fit": 1.3, "numpy:plain": 1.1}
SAMPLES = 12
CALM = {"others": 0.01, "beside": 0.02, "steal": 0.0, "pressure": 0.0, "throttled": 0.0}


def make_up(folder: Path, other: Path) -> None:
    """Copy a run and put invented numbers in place of all that was measured, when and where."""
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("figures", "work", "report.html"))
    plan = read_json(other / "plan.json")
    plan |= {"created": WHEN, "samenet": "0"}
    for number, arm in enumerate(plan["arms"]):
        installed = {"distributions": ["numpy"], "bytes": 10**8 * (number + 1)}
        arm |= {
            "versions": dict.fromkeys(arm["versions"], "1.2.3"),
            "import_seconds": 0.25,
            "installed": installed | {"import_bytes": 10**7 * (number + 3)},
        }
    for job in plan["jobs"]:
        job["predicted_seconds"] = 1.0
    (other / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    machine = {"processor": "A made-up processor", "architecture": "x86_64", "cores": 2}
    machine |= {"memory_bytes": 2**33, "system": "Linux 6", "python": "3", "pinned": True}
    machine |= {"CUDA devices": "none", "load_before": 0.5, "versions": {"numpy": "1.2.3"}}
    machine |= {"measuring_cores": 1, "matrix_library": "made up"}
    (other / "machine.json").write_text(json.dumps(machine), encoding="utf-8")
    order = {job["id"]: place for place, job in enumerate(plan["jobs"])}
    records = sorted(read_records(folder), key=lambda record: order.get(record["job"], -1))
    made_up = [invented(r) for r in records if r.get("phase") != "calibration"]
    text = "".join(sealed(record) + "\n" for record in made_up)
    (other / "records.jsonl").write_text(text, encoding="utf-8", newline="\n")


def sealed(record: Json) -> str:
    """Return the line of a record as samenet writes it: its checksum covers all before it."""
    body = {key: value for key, value in record.items() if key != "sha256"}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f'{text[:-1]},"sha256":"{hashlib.sha256(text.encode()).hexdigest()[:16]}"}}'


def invented(record: Json) -> Json:
    """Return a record whose measured numbers depend on its own words alone."""
    kind = record["kind"]
    words = [str(record.get(key)) for key in ("task", "arm", "repeat", "phase", "quantity")]
    if kind == "timing":
        sampled = record["phase"] in {"warmup", "call", "call_other"} or "predict_" in words[3]
        steps = 100 if record["phase"] == "call" else record["steps"]
        middle = SECONDS.get(record["phase"], 1e-5 * (1 + record["steps"]) ** 0.5)
        seconds = samples(middle * FACTORS.get(record["arm"], 1.0), words, sampled=sampled)
        cpu = None if record["cpu_seconds"] is None else sum(seconds)
        return {**record, "steps": steps, "seconds": seconds, "cpu_seconds": cpu}
    if kind == "limit":
        return {**record, "seconds": samples(record["work"] / 2e10, words, sampled=True)}
    if kind == "footprint":
        peak = int(8e7 * FACTORS[record["arm"]])
        return {**record, "bytes_after_import": peak // 2, "bytes_peak": peak}
    if kind == "certificate" and record["quantity"] in MEASURED_CHECKS:
        return {**record, "error": 0.01, "passed": True}
    if kind == "event" and "readings" in record["data"]:
        readings = {key: CALM.get(key) for key in record["data"]["readings"]}
        data = {**record["data"], "readings": readings, "broken": [], "refused": False}
        return {**record, "when": WHEN, "data": data}
    if kind == "event" and record["name"] == "job finished":
        return {**record, "when": WHEN, "data": {**record["data"], "seconds": 1.0}}
    return {**record, "when": WHEN} if kind == "event" else record


def samples(middle: float, words: Sequence[str], *, sampled: bool) -> list[float]:
    """Return one time, or several, that scatter by a few per cent in a way their words decide."""
    seconds = []
    for number in range(SAMPLES if sampled else 1):
        digest = hashlib.sha256(json.dumps([*words, number]).encode()).digest()
        seconds.append(round(middle * (0.97 + 0.06 * digest[0] / 255), 12))
    return seconds


# What a page says.

SHOWN_ATTRIBUTES = re.compile(r"title|href|alt|aria-label|data-.*")


@dataclass
class Page(HTMLParser):
    """Takes from a page every text a reader sees or is read aloud, and the embedded data."""

    lines: list[str] = field(default_factory=list)
    embedded: dict[str, str] = field(default_factory=dict)
    inside: str = ""
    """What is being skipped or collected: style, pre, a script's id, or nothing."""

    def __post_init__(self) -> None:
        """Set the parser up."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is said in attributes, and whether the content is for readers."""
        values = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.inside = values.get("id", "-")
        elif tag in {"style", "pre"}:
            self.inside = tag
            self.lines += ["[source]"] if tag == "pre" else []
        else:
            said = [f"{k}={v}" for k, v in values.items() if SHOWN_ATTRIBUTES.fullmatch(k)]
            self.lines += [f"<{tag} {' '.join(said)}>"] if said else []

    def handle_endtag(self, tag: str) -> None:
        """Go on reading after what was skipped."""
        if tag in {"script", "style", "pre"}:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        """Keep a text, its white space as a browser shows it."""
        text = " ".join(data.split())
        if self.inside in {"", "-", "style", "pre"}:
            self.lines += [text] if text and not self.inside else []
        else:
            self.embedded[self.inside] = self.embedded.get(self.inside, "") + data


def unpacked(text: str) -> Any:
    """Return embedded data; a large page packs them."""
    values = json.loads(text)
    if isinstance(values, str):
        return json.loads(zlib.decompress(base64.b64decode(values)))
    return values


# Comparing two folders.


def compared(old: Path, new: Path) -> Iterator[str]:
    """Yield where two folders differ, file by file."""
    before, after = texts(old), texts(new)
    if not before or not after:
        raise SystemExit(f"same_output: {new if before else old} holds nothing.")
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            yield f"only in {old if name in before else new}: {name}"
        elif before[name] != after[name]:
            first, second = before[name].splitlines(), after[name].splitlines()
            files = f"{old}/{name}", f"{new}/{name}"
            difference = list(difflib.unified_diff(first, second, *files, n=1, lineterm=""))
            yield from difference[:SHOWN_MAX]
            if len(difference) > SHOWN_MAX:
                yield f"… and {len(difference) - SHOWN_MAX} more lines of {name}"


def texts(folder: Path) -> Mapping[str, str]:
    """Return the content of every file by its place in the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {f.relative_to(folder).as_posix(): f.read_text(encoding="utf-8") for f in files}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a folder, or compare two; the exit code is 4 if they differ."""
    parser = argparse.ArgumentParser(
        description="Write down what samenet says, or compare two such folders.",
        epilog="Exit codes: 0 the same, 4 different. Writing takes a minute or two.",
    )
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT", help="where to write")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="two such OUT")
    chosen = parser.parse_args(arguments)
    if (chosen.out is None) == (chosen.compare is None):
        parser.error("name a folder OUT, or two of them after --compare")
    if chosen.out is not None:
        written(chosen.out)
        return 0
    differences = list(compared(*chosen.compare))
    print("\n".join(differences) or f"no difference in {len(texts(chosen.compare[0]))} files")
    return DIFFERENT if differences else 0


if __name__ == "__main__":
    sys.exit(main())
