"""The only module that knows the platform: processors, memory, processes, and where caches live.

What a platform does not offer is answered with None or "not enforceable here", never guessed.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
from collections.abc import Mapping
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
    "TF_NUM_INTRAOP_THREADS",
    "PJRT_NPROC",
)


def cores() -> list[int]:
    """Return the processors this process may use, lowest first."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def measuring_cores(threads: int) -> list[int]:
    """Return the processors for timed work: the last ones, so that the first serves the system."""
    return cores()[-threads:]


def pin(wanted: list[int]) -> bool:
    """Bind this process to processors; return False where the platform cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, wanted)
    return True


def worker_environment(threads: int, device: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a worker starts with: threads and device fixed before any import."""
    chosen = dict.fromkeys(THREAD_VARIABLES, str(threads))
    chosen |= {"TF_NUM_INTEROP_THREADS": "1", "NVIDIA_TF32_OVERRIDE": "0", "PYTHONHASHSEED": "0"}
    if device == "cpu":
        chosen |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
    return {**os.environ, **chosen, **extra}


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
    import shutil

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
        "pinned": hasattr(os, "sched_setaffinity"),
    }


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
