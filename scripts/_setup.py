"""Set up `.venv` for bench.py and test.py; standard library only, for nothing else is there yet.

A part is what one pip call installs: "core" (samenet, NumPy, scikit-learn, pandas ...) or one extra
of pyproject.toml. Parts are installed one after the other, so that one that fails is left out by
name and the rest goes on. `.venv/samenet-setup.json` remembers what is done.
Everything said here goes to stderr: stdout belongs to the command that follows.
"""

from __future__ import annotations

import hashlib
import json
import platform
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from _parts import CORE, COSTS, NEEDS, ROOT, UNKNOWN

VENV = ROOT / ".venv"
STAMP = VENV / "samenet-setup.json"
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = ROOT / "pyproject.toml"

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

CUDA_NOTE = "up to 3 GB more where pip's default PyTorch build brings CUDA"

ADVICE = (
    ("No space left", "Free some disk space and start again."),
    ("Retrying (", "Check the network connection and pip's proxy and index settings."),
    ("externally-managed", "Use a virtual environment, or leave --here away."),
    ("ResolutionImpossible", "What constraints.txt or the environment holds does not fit."),
    ("No matching distribution", "There may be no build for this Python or this platform."),
)
"""What to do, by a text in pip's output; the first that is found holds."""


class SetupError(Exception):
    """The set-up cannot go on; the message is one clear sentence for the user."""


def say(text: str) -> None:
    """Tell the user something, at once, on stderr."""
    print(f"samenet: {text}", file=sys.stderr, flush=True)


def extras() -> dict[str, list[str]]:
    """Return the requirements of every extra of pyproject.toml, and of the core."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return {CORE: project["dependencies"], **project["optional-dependencies"]}


def parts_for(wanted: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the parts that these frameworks or extras need, each once, the core first.

    A name that is not an extra (numpy, an adapter's path) needs only the core.
    """
    parts = [CORE]
    for name in wanted:
        for part in (*NEEDS.get(name, ()), name):
            if part in known and part not in parts:
                parts.append(part)
    return parts


def stamp_key(*contents: bytes) -> str:
    """Return the hash of everything that makes an environment stale when it changes."""
    state = hashlib.sha256()
    for content in contents:
        state.update(len(content).to_bytes(8, "little") + content)
    return state.hexdigest()


def python_key() -> str:
    """Return the interpreter and the place; another one of either needs a new `.venv`."""
    return f"{sys.implementation.cache_tag} {platform.machine()} {ROOT}"


def current_key() -> str:
    """Return the key of the present constraints, project file and interpreter."""
    return stamp_key(CONSTRAINTS.read_bytes(), PROJECT.read_bytes(), python_key().encode())


def read_stamp(path: Path) -> dict[str, object]:
    """Return the stamp, or an empty one if it is missing or damaged."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def parts_done(stamp: Mapping[str, object], key: str) -> list[str]:
    """Return the parts that are installed and up to date."""
    parts = stamp.get("parts") if stamp.get("key") == key else []
    return [str(part) for part in parts] if isinstance(parts, list) else []


def about(seconds: float) -> str:
    """Return a duration as people say it: '25 seconds', '2 minutes'."""
    number, unit = (seconds, "second") if seconds < 60 else (seconds / 60, "minute")
    count = max(1, round(number))
    return f"{count} {unit}{'s' if count > 1 else ''}"


def size(megabytes: float) -> str:
    """Return a size as people say it: '205 MB', '0.9 GB'."""
    return f"{megabytes:.0f} MB" if megabytes < 500 else f"{megabytes / 1000:.1f} GB"


def named(parts: Iterable[str]) -> str:
    """Return the parts in a user's words: the core is where NumPy comes from."""
    return ", ".join("numpy" if part == CORE else part for part in parts)


def plan_line(parts: Sequence[str], place: str) -> str:
    """Return what is about to be installed, how long it takes and how much it downloads."""
    costs = [COSTS.get(part, UNKNOWN) for part in parts]
    download, disk, seconds = (sum(column) for column in zip(*costs, strict=True))
    more = f"; {CUDA_NOTE}" if "pytorch" in parts and sys.platform == "linux" else ""
    return (
        f"setting up {place} with {named(parts)} (about {about(seconds)}, {size(download)} to "
        f"download, {size(disk)} on disk{more}; only once)"
    )


def failure(part: str, output: str) -> str:
    """Return one clear sentence: what could not be installed, pip's reason, what to do."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [x for x in lines if x.startswith("ERROR") and "ResolutionImpossible" not in x]
    reason = (errors or lines or ["pip said nothing"])[-1].removeprefix("ERROR: ").rstrip(".:")
    held = [x.partition("(constraint) ")[2] for x in lines if "(constraint) " in x]
    because = f" (held at {held[-1]})" if held else ""
    advice = next((text for sign, text in ADVICE if sign in output), "")
    return f"could not install {named([part])}: {reason}{because}. {advice}".rstrip()


Install = Callable[[str], str]
"""Installs one part and returns "" or, if that failed, pip's output."""


def install_parts(
    parts: Iterable[str], install: Install, done: Callable[[str], None]
) -> dict[str, str]:
    """Install the parts one by one; return those left out with the reason.

    Raises SetupError if it is the core, without which nothing runs.
    """
    left_out: dict[str, str] = {}
    for part in parts:
        lacking = [need for need in NEEDS.get(part, ()) if need in left_out]
        output = f"it needs {named(lacking)}" if lacking else install(part)
        if not output:
            done(part)
        elif part == CORE:
            raise SetupError(failure(part, output))
        else:
            left_out[part] = failure(part, output)
            say(f"{left_out[part]} Going on without {part}.")
    return left_out


def run_quietly(command: Sequence[str | Path], heartbeat: float = 20.0) -> str:
    """Run a command; return "" if it succeeds, else all it said. Says now and then that it runs."""
    started = time.monotonic()
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as child:
        while True:
            try:
                output, _ = child.communicate(timeout=heartbeat)
                break
            except subprocess.TimeoutExpired:
                say(f"... still at it, {time.monotonic() - started:.0f} s")
    return "" if child.returncode == 0 else output or f"exit code {child.returncode}"


def pip(python: Path, arguments: Iterable[str | Path]) -> str:
    """Run the environment's own pip with the user's settings; return "" or what went wrong."""
    return run_quietly(
        [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *arguments]
    )


def timed(part: str, install: Install) -> str:
    """Install one part and say how long it took."""
    say(f"installing {named([part])} ...")
    started = time.monotonic()
    output = install(part)
    if not output:
        say(f"installed {named([part])} in {about(time.monotonic() - started)}")
    return output


def venv_python(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make_venv(stamp: Mapping[str, object]) -> None:
    """Create `.venv`, repair a half-made one, replace one of another interpreter or place."""
    python = getattr(sys, "_base_executable", sys.executable)  # .venv cannot replace itself
    clear = ["--clear"] if stamp and stamp.get("python") != python_key() else []
    output = run_quietly([python, "-m", "venv", *clear, VENV])
    if output:
        reason = " ".join(output.split())[:300]
        raise SetupError(f"could not create {VENV}: {reason} (on Debian: apt install python3-venv)")


def install_in_venv(part: str) -> str:
    """Install one part into `.venv` at the versions of constraints.txt."""
    what = ["-e", ROOT] if part == CORE else extras()[part]
    return pip(venv_python(VENV), [*what, "-c", CONSTRAINTS])


def set_up_venv(wanted: Iterable[str]) -> tuple[Path, dict[str, str]]:
    """Bring `.venv` up to date; return its interpreter and what had to be left out, with reasons.

    Raises SetupError if samenet itself cannot be installed.
    """
    key, stamp = current_key(), read_stamp(STAMP)
    done = parts_done(stamp, key) if venv_python(VENV).exists() else []
    todo = [part for part in parts_for(wanted, extras()) if part not in done]
    if not todo:
        return venv_python(VENV), {}
    say(plan_line(todo, ".venv"))
    if CORE in todo:
        make_venv(stamp)

    def remember(part: str) -> None:
        done.append(part)
        STAMP.write_text(json.dumps({"key": key, "python": python_key(), "parts": done}))

    left_out = install_parts(todo, lambda part: timed(part, install_in_venv), remember)
    return venv_python(VENV), left_out


def run_child(command: Sequence[str | Path], cwd: Path | None = None) -> int:
    """Run a command to its end and return its exit code, 130 after Ctrl-C.

    Ctrl-C reaches the child as well: it is given the time to save what it has.
    """
    with subprocess.Popen(list(map(str, command)), cwd=cwd) as child:
        try:
            signal.signal(signal.SIGTERM, lambda *_: child.terminate())
            code = child.wait()
        except KeyboardInterrupt:
            child.wait()
            code = INTERRUPTED
    return code if code >= 0 else 128 - code


def guarded(main: Callable[[], int]) -> int:
    """Run a script's main; turn what may happen into one sentence and an exit code."""
    try:
        return main()
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"the set-up failed: {error.strerror or error}: {error.filename or ROOT}.")
        return 1
    except KeyboardInterrupt:
        say("interrupted; start again to go on where it stopped")
        return INTERRUPTED
