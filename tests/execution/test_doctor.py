"""`samenet doctor`: each diagnostic a value or `not readable here`, and whether a run may go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samenet.cli import main
from samenet.execution import doctor
from samenet.machine import lock, readings, system
from samenet.machine.system import NOT_READABLE
from samenet.runs import environment


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command in this process; return exit code and standard output."""
    return main._code(["doctor", *arguments]), capsys.readouterr().out


NAMES = """
processor|share a core|frequency chosen by|turbo|virtual machine|control group's limits|
clock source|address randomisation|matrix library|CUDA devices|free disk|load average|
busy with others|steal|pressure|stopped by the group's limit|frequency|temperature|battery|
memory available|swapped out|canary|processes on the CUDA devices|state of the CUDA devices
""".replace("\n", "").split("|")


def test_every_diagnostic_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """On a calm machine: every line has a value or says that there is none, exit code 0."""
    code, out = call(capsys)
    rows = [line for line in out.splitlines() if line.startswith("  ")]
    assert code == 0
    assert not [name for name in NAMES if not any(name in row for row in rows)]
    assert all(row[36:].strip() for row in rows)
    assert "would be admitted now" in out


def test_a_busy_machine_is_exit_code_6(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would refuse a standard run is said with its numbers, in both forms."""
    monkeypatch.setattr(
        environment,
        "compare_counters",
        lambda before, after: dict.fromkeys(("others", "steal", "pressure", "throttled"), 0.5),
    )
    code, out = call(capsys)
    assert code == 6
    assert "would be refused now" in out
    code, out = call(capsys, "--json")
    assert code == 6
    assert "other work keeps 0.50" in json.loads(out)["refusals"][0]


def test_a_run_that_measures_now_is_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """While another run holds the machine, the doctor says so."""
    with lock.machine_lock():
        code, out = call(capsys, "--json")
    assert code == 6
    assert "Another samenet run is measuring" in json.loads(out)["refusals"][0]


def test_nothing_readable_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a system that shows none of it each diagnostic says so, and nothing is refused."""
    for name in ("CPU", "CONTROL_GROUPS", "PRESSURE"):
        monkeypatch.setattr(readings, name, tmp_path / "gone")
    monkeypatch.setattr(system, "file_text", lambda path: None)
    monkeypatch.setattr(readings.psutil, "cpu_freq", lambda: None)
    monkeypatch.setattr(
        environment,
        "compare_counters",
        lambda before, after: dict.fromkeys(("others", "steal", "pressure", "throttled")),
    )
    code, out = call(capsys)
    assert code == 0
    assert out.count(NOT_READABLE) >= 12


def test_what_slows_a_graphics_card_is_named() -> None:
    """The driver's bits become words; idle is no reason, what is not shown is said."""
    hot = "1410 MHz, 1980 MHz, 88, 690.1 W, 0x0000000000000060"
    assert doctor.format_graphics_state([hot]) == (
        "1410 MHz of 1980 MHz, 88 °C, 690.1 W, slowed down by thermal limit of the driver, "
        "thermal limit of the hardware"
    )
    assert "not slowed down" in str(doctor.format_graphics_state(["1 MHz, 2 MHz, 30, 9 W, 0x01"]))
    unknown = "1 MHz, 2 MHz, 30, [N/A], [N/A]"
    assert "throttling not readable here" in str(doctor.format_graphics_state([unknown]))
    assert doctor.format_graphics_state(None) is None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, None),
        ({"cpu.max": "max 100000", "memory.max": "max"}, "none"),
        ({"cpu.max": "150000 100000"}, "1.5 processors"),
        ({"memory.max": str(2**31)}, "2.0 GiB of memory"),
        ({"cpu/cpu.cfs_quota_us": "-1", "memory/memory.limit_in_bytes": str(2**63 - 4096)}, "none"),
        ({"cpu/cpu.cfs_quota_us": "50000"}, "0.5 processors"),
    ],
)
def test_the_control_group_s_limits_are_words(
    files: dict[str, str], said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions of control groups, with and without limits."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(readings, "CONTROL_GROUPS", tmp_path)
    assert doctor._limits() == said


def test_the_deep_form_reads_back_in_real_workers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--deep` starts a framework and shows threads, precision and a product's real error."""
    monkeypatch.setattr(doctor, "PROBED_FRAMEWORKS", ("numpy",))
    code, out = call(capsys, "--deep", "--json")
    items = {item["name"]: item for item in json.loads(out)["in_force"]}
    assert code == 0
    assert items["numpy:buffers threads"]["value"] == "1 (asked for 1)"
    assert "float32" in items["numpy:buffers dtype"]["value"]
    assert all(item["good"] for item in items.values())
    assert "numpy:buffers matrix product" in items
