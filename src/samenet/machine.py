"""The only module that knows the platform: processors, memory, processes, and where caches live.

What a platform does not offer is answered with None or "not enforceable here", never guessed.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

NOT_READABLE = "not readable here"

PARENT_VARIABLE = "SAMENET_PARENT_PROCESS"

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Of the libraries under every framework; its own stand in its adapter's header."""


def cores() -> list[int]:
    """Return the processors this process may use, lowest first."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def measuring_cores(threads: int) -> list[int]:
    """Return the processors for timed work: the last ones, so that the first serves the system."""
    return cores()[-threads:]


def can_pin() -> bool:
    """Return whether a process can be bound to processors here."""
    return hasattr(os, "sched_setaffinity")


def pin(wanted: list[int]) -> bool:
    """Bind this process to processors; return False where the platform cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, wanted)
    return True


TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"
"""0 keeps the matrix libraries from TF32 whatever a framework asks for: a second lock."""

COMMON_VARIABLES = (*THREAD_VARIABLES, TF32_OVERRIDE, "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED")
"""What is set here for every worker, whatever its framework."""


def process_environment(
    threads: int, place: str, extra: Mapping[str, str], precision: str = "strict-float32"
) -> dict[str, str]:
    """Return the variables that a worker starts with, for the libraries that all frameworks share.

    `extra` holds those of its framework: samenet.worker_environment adds them. `place` is 'cpu'
    or, say, 'cuda:1'; of all CUDA devices a worker sees that one alone.
    """
    strict = precision != "tf32"
    chosen = dict.fromkeys(THREAD_VARIABLES, str(threads))
    chosen |= {"PYTHONHASHSEED": "0"}
    chosen |= {TF32_OVERRIDE: "0"} if strict else {}
    own = {name: value for name, value in os.environ.items() if strict or name != TF32_OVERRIDE}
    return {**own, **chosen, **_device_variables(place), **extra}


def _device_variables(place: str) -> dict[str, str]:
    kind, _, index = place.partition(":")
    if kind == "cpu":
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {
        "CUDA_VISIBLE_DEVICES": _visible(int(index or 0)),
        "CUDA_DEVICE_ORDER": os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
    }


def _visible(index: int) -> str:
    """Return the name of a CUDA device, counted among those that this process may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return str(index)
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return names[index] if index < len(names) else ""


def nvidia_smi(query: str) -> tuple[str, ...] | None:
    """Return the lines with which the CUDA driver's own tool answers, or None where it does not."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, query, "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


@cache
def graphics_cards() -> tuple[str, ...]:
    """Return the CUDA devices as their driver's own tool lists them: name, memory, driver."""
    return nvidia_smi("--query-gpu=name,memory.total,driver_version") or ()


def graphics(place: str) -> str:
    """Return which graphics card a place is, or nothing for a processor."""
    kind, _, index = place.partition(":")
    name = _visible(int(index or 0)) if kind == "cuda" else ""
    cards = graphics_cards()
    return cards[int(name)] if name.isdigit() and int(name) < len(cards) else name


def threads_named(prefix: str) -> int | None:
    """Return how many threads of this process have such a name, or None where no one tells."""
    try:
        names = [file.read_text() for file in Path("/proc/self/task").glob("*/comm")]
    except OSError:  # a thread ended while its name was read
        return None
    return sum(name.startswith(prefix) for name in names) or None


def peak_bytes() -> int | None:
    """Return the largest resident size this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS


def own_process_group() -> dict[str, Any]:
    """Return the arguments of Popen that let `kill_group` reach a worker and its children."""
    if sys.platform == "win32":
        return {"creationflags": 0x00000200}  # CREATE_NEW_PROCESS_GROUP
    return {"start_new_session": True}


def kill_group(pid: int) -> None:
    """Kill a worker and everything it started."""
    if sys.platform == "win32":
        import psutil

        for child in psutil.Process(pid).children(recursive=True):
            child.kill()
        psutil.Process(pid).kill()
        return
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def die_with_parent() -> None:
    """Ask Linux to kill this worker when the parent dies: no orphan is to disturb a later run."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(os.environ.get(PARENT_VARIABLE, os.getppid())):
        os._exit(1)  # the parent died before we could ask


def cache_folder() -> Path:
    """Return where certificates and histories are kept between runs."""
    chosen = os.environ.get("SAMENET_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "samenet"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "samenet"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "samenet"


def lock_path() -> Path:
    """Return the file whose lock every measuring run on this machine takes.

    One place for all users, whatever their TMPDIR; containers that share processors can share a
    folder and name a file in it.
    """
    chosen = os.environ.get("SAMENET_LOCK")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "samenet" / "measuring.lock"
    return Path("/tmp/samenet-measuring.lock")  # noqa: S108 - the same for everyone is the point


def file_text(path: Path) -> str | None:
    """Return what a file of the system says, or None if it says nothing or cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def runs_folder() -> Path:
    """Return where runs land by default."""
    return Path("runs")


def processor() -> str:
    """Return the processor's model name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or NOT_READABLE


def memory_bytes() -> int | None:
    """Return the machine's memory."""
    import psutil

    return int(psutil.virtual_memory().total)


def load_average() -> float | None:
    """Return how many tasks wanted to run on average over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def free_bytes(folder: Path) -> int:
    """Return the free space where a folder is or will be."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def describe() -> dict[str, str | int | float | None]:
    """Return the machine as a report prints it: no host, user, path or serial number."""
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": len(cores()),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pinned": can_pin(),
        "CUDA devices": "; ".join(graphics_cards()) or "none",
    }


def installed(distribution: str) -> tuple[str, str] | None:
    """Return name and version of an installed distribution, or of the first there is of 'a|b'."""
    for name in distribution.split("|"):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    found = installed(distribution)
    return found[1] if found else None
