"""Which frameworks can run here: each adapter says so once, in a worker, cached by hash."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from samenet.adapter.api import Capabilities, Target
from samenet.adapter.discovery import AdapterFile, code_digest, digest
from samenet.errors import UNREADABLE
from samenet.execution.process import TOO_SLOW, LiveWorkers, run_to_end
from samenet.execution.worker_environment import worker_environment
from samenet.machine import cache, distributions, gpu, system
from samenet.machine.devices import parse_device
from samenet.machine.files import read_text
from samenet.runs import adapter_source, redaction
from samenet.runs.plan import Arm, InstallSize
from samenet.spec.parsing import FrozenModel

DESCRIBE_SECONDS_MAX = 180
SAMENET_NEEDED = "{} has no samenet: install it there too, as it is installed here"
ERROR_LINE = re.compile(r"[\w.]+(Error|Exception|Interrupt|Exit|Warning)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnavailableAdapter:
    """An adapter that cannot run here, and why."""

    name: str
    mark: Literal["not installed", "failed"]
    reason: str
    detail: str = ""


class Description(FrozenModel):
    """What an adapter says of itself where it runs, as samenet.worker.describe writes it."""

    capabilities: Capabilities
    versions: dict[str, str | None]
    import_seconds: float = Field(ge=0)
    code: str
    """The digest of the samenet that asked it."""
    installed: InstallSize


def describe_adapters(
    pairs: Sequence[tuple[AdapterFile, str]], device: str, pythons: Mapping[str, str] | None = None
) -> tuple[list[Arm], list[UnavailableAdapter]]:
    """Return the arms that can run and those that cannot, asking two adapters at a time.

    `pythons` holds the interpreters of frameworks that are installed in another environment.
    """
    pythons = pythons or {}
    # An adapter is asked once, however many of its modes are wanted.
    leaves = {leaf.path: leaf for leaf, _ in pairs}
    live = LiveWorkers()
    with ThreadPoolExecutor(max_workers=2) as pool:
        try:
            futures = {
                path: pool.submit(_described, leaf, device, pythons, live)
                for path, leaf in leaves.items()
            }
            wait(futures.values())
        except BaseException:
            live.stop()  # on Ctrl-C: they are in sessions of their own
            raise
    arms: list[Arm] = []
    absent: list[UnavailableAdapter] = []
    for leaf, mode in pairs:
        answer = futures[leaf.path].result()
        if isinstance(answer, UnavailableAdapter):
            absent.append(replace(answer, name=leaf.arm(mode)))
        else:
            arms.append(_arm(leaf, mode, answer, pythons.get(leaf.header.name, "")))
    return arms, absent


def _arm(leaf: AdapterFile, mode: str, answer: Description, python: str) -> Arm:
    return Arm(
        name=leaf.arm(mode),
        mode=mode,
        path=str(leaf.path),
        digest=digest(leaf),
        header=leaf.header,
        capabilities=answer.capabilities.of_mode(leaf.header.modes[mode]),
        versions={name: version or "?" for name, version in answer.versions.items()},
        import_seconds=answer.import_seconds,
        python=python,
        installed=answer.installed,
        quickstart_lines=adapter_source.count_quickstart_lines(leaf),
    )


def _described(
    leaf: AdapterFile, device: str, pythons: Mapping[str, str], live: LiveWorkers
) -> Description | UnavailableAdapter:
    if leaf.header.name in pythons:
        return _elsewhere(leaf, device, pythons[leaf.header.name], live)
    missing = [
        name for name in leaf.header.distributions if distributions.installed_version(name) is None
    ]
    if missing:
        return _not_installed(leaf, missing)
    versions = [distributions.installed_version(name) for name in leaf.header.distributions]
    machine = [system.processor_name(), gpu.graphics_cards(), gpu.graphics_card(device)]
    key = cache.key_of(
        *("describe", digest(leaf), code_digest(), versions, sys.executable, device, machine)
    )
    known = cache.get("descriptions", key, Description.model_validate)
    if known is not None:
        return known
    answer = _ask(leaf, device, sys.executable, live)
    if not isinstance(answer, UnavailableAdapter):
        cache.put("descriptions", key, answer.model_dump(mode="json"))
    return answer


def _elsewhere(
    leaf: AdapterFile, device: str, python: str, live: LiveWorkers
) -> Description | UnavailableAdapter:
    """Ask in another environment; as that may change at any time, no answer is remembered."""
    answer = _ask(leaf, device, python, live)
    if isinstance(answer, UnavailableAdapter):
        lacking = "No module named 'samenet'" in answer.detail
        return _broken(leaf, SAMENET_NEEDED.format(python), answer.detail) if lacking else answer
    same = answer.code == code_digest()
    return answer if same else _broken(leaf, f"{python} has another version of samenet", "")


def _not_installed(leaf: AdapterFile, missing: Sequence[str]) -> UnavailableAdapter:
    extra = leaf.header.extra
    remedy = f"pip install 'samenet[{extra}]'" if extra else f"pip install {' '.join(missing)}"
    return UnavailableAdapter(
        name=leaf.header.name, mark="not installed", reason=f"not installed: {remedy}"
    )


def _ask(
    leaf: AdapterFile, device: str, python: str, live: LiveWorkers
) -> Description | UnavailableAdapter:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [python, "-P", "-m", "samenet.worker.describe", str(leaf.path), str(answer)]
        command += [json.dumps(leaf.header.imports), json.dumps(leaf.header.distributions)]
        target = Target.model_validate(parse_device(device))
        environment = worker_environment(leaf.header, target, growing_memory=True)
        mark = system.worker_mark(Path(folder), "describe")
        end = run_to_end(command, environment, mark, DESCRIBE_SECONDS_MAX, live)
        if end.code == TOO_SLOW:
            return _broken(leaf, f"did not start within {DESCRIBE_SECONDS_MAX} s", "")
        if end.code or not answer.exists():
            return _broken(leaf, error_line(end.printed) or f"exit {end.code}", end.printed)
        try:
            return Description.model_validate_json(read_text(answer))
        except UNREADABLE:
            return _broken(leaf, "did not describe itself as the contract says", end.printed)


def _broken(leaf: AdapterFile, reason: str, detail: str) -> UnavailableAdapter:
    return UnavailableAdapter(
        name=leaf.header.name,
        mark="failed",
        reason=f"does not start here: {redaction.redact_text(reason)}",
        detail=redaction.redact_text(detail[-4000:]),
    )


def error_line(text: str) -> str:
    """Return the last line of an error output that names an error, else its last line."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if ERROR_LINE.match(line)]
    return (named or lines or [""])[-1].strip()[:300]
