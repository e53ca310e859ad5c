"""What was proved is remembered per task and adapter, and forgotten when either changes."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from samenet.adapter import discovery, source_files
from samenet.errors import UsageError
from samenet.execution import certificate_cache, describe, planner
from samenet.machine import cache
from samenet.runs import asked_proofs
from samenet.runs.plan import Job, Plan
from samenet.runs.records import CertificateRecord, FailureRecord, Record, encode

FAKES = Path(__file__).parents[1] / "helpers"
CASES = ("activation relu", "activation tanh", "loss huber")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return a plan of the recorder, with nothing remembered."""
    monkeypatch.setenv("SAMENET_CACHE", str(tmp_path / "cache"))
    request = planner.Request(
        tasks=("iris",), frameworks=(str(FAKES / "recorder_adapter.py"),), track="same"
    )
    return planner.make_plan(request)


def parity_job(plan: Plan, *cases: str) -> Job:
    arm = plan.arms[0].name
    return Job(id="parity/a", pass_name="parity", arm=arm, tasks=cases, predicted_seconds=1)


def whole_proof(plan: Plan, case: str) -> list[Record]:
    """Return all checks that a case asks for, passed."""
    asked = asked_proofs.asked_checks(plan, parity_job(plan, case), case)
    return [
        replace(check(plan, case), gate=gate, quantity=quantity, dtype=dtype)
        for gate, quantity, dtype in asked
    ]


def check(plan: Plan, case: str, *, passed: bool = True) -> CertificateRecord:
    return CertificateRecord(
        job="parity/earlier",
        task=case,
        arm=plan.arms[0].name,
        repeat=None,
        gate="gate 0",
        quantity="values",
        dtype="float32",
        error=0.0 if passed else 1.0,
        limit=0.5,
        passed=passed,
    )


def not_offered(plan: Plan, case: str) -> FailureRecord:
    return FailureRecord(
        job="parity/earlier",
        track="same",
        task=case,
        arm=plan.arms[0].name,
        repeat=None,
        mark="unsupported",
        reason="loss huber is not offered",
    )


def test_what_is_known_is_not_proved_again(plan: Plan, tmp_path: Path) -> None:
    """A case that passed and one that is not offered come from memory; only the other is left."""
    records = [*whole_proof(plan, CASES[0]), not_offered(plan, CASES[2])]
    certificate_cache.remember(plan, parity_job(plan, CASES[0], CASES[2]), records, tmp_path)
    known, left = certificate_cache.recall(plan, parity_job(plan, *CASES), tmp_path)
    assert [(type(r), r.job) for r in known] == [
        *[(CertificateRecord, "parity/a")] * 4,
        (FailureRecord, "parity/a"),
    ]
    assert left.tasks == (CASES[1],)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_part_of_a_proof_is_no_proof(plan: Plan, tmp_path: Path, kept: int) -> None:
    """Whichever of its checks the cache has lost, the case is proved again."""
    checks = whole_proof(plan, CASES[0])
    assert len(checks) == 4
    part = [record for place, record in enumerate(checks) if place != kept]
    certificate_cache.remember(plan, parity_job(plan, CASES[0]), part, tmp_path)
    known, left = certificate_cache.recall(plan, parity_job(plan, CASES[0]), tmp_path)
    assert (known, left.tasks) == ([], (CASES[0],))


def test_a_failed_check_is_not_remembered(plan: Plan, tmp_path: Path) -> None:
    """What failed, or crashed, is tried again."""
    records: list[Record] = [
        check(plan, CASES[0], passed=False),
        replace(not_offered(plan, CASES[1]), mark="failed"),
    ]
    certificate_cache.remember(plan, parity_job(plan, *CASES[:2]), records, tmp_path)
    known, left = certificate_cache.recall(plan, parity_job(plan, *CASES[:2]), tmp_path)
    assert (known, left.tasks) == ([], CASES[:2])


@pytest.mark.parametrize(
    ("file", "adapters"),
    [
        ("pytorch/functions.py", {"pytorch"}),
        ("keras/network.py", {"keras", "keras-torch", "keras-jax"}),
        ("numpy/functions.py", {"numpy", "cupy", "mine"}),
        ("cupy/mode_plain.py", {"cupy"}),
    ],
)
def test_a_file_changes_the_certificates_of_what_is_built_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, adapters: set[str]
) -> None:
    """An adapter's hash covers the shipped files it is built on and no others, a stranger's too."""
    copy = Path(shutil.copytree(source_files.shipped_folder(), tmp_path / "adapters"))
    stranger = tmp_path / "mine.py"
    shutil.copy(FAKES / "recorder_adapter.py", stranger)  # which is built on NumPy's
    monkeypatch.setattr(source_files, "shipped_folder", lambda: copy)
    every = {**discovery.shipped_adapters(), "mine": discovery.read(stranger)}
    before = {name: discovery.digest(leaf) for name, leaf in every.items()}
    with (copy / file).open("a", encoding="utf-8") as opened:
        opened.write("# another\n")
    assert {n for n, leaf in every.items() if discovery.digest(leaf) != before[n]} == adapters


def copied_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of samenet's own packages, which the digests are then taken of."""
    copy = tmp_path / "core"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source_files.core_folder(), copy, ignore=ignored)
    monkeypatch.setattr(source_files, "core_folder", lambda: copy)
    return copy


def test_a_line_in_any_file_that_decides_forgets_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed line anywhere in what proves, what it asks and what runs it is another digest."""
    copy = copied_core(tmp_path, monkeypatch)
    deciding = certificate_cache.deciding_files()
    packages = {path.relative_to(copy).parts[0] for path in deciding}
    assert {"certificate", "adapter", "spec", "worker"} <= packages
    support, training = copy / "adapter" / "support.py", copy / "spec" / "training.py"
    assert {support, training, copy / "worker" / "certify.py"} <= deciding
    before = certificate_cache.deciding_digest.__wrapped__()
    kept = []
    for path in sorted(deciding):
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "# another\n", encoding="utf-8")
        if certificate_cache.deciding_digest.__wrapped__() == before:
            kept.append(path.relative_to(copy).as_posix())
        path.write_text(text, encoding="utf-8")
    assert kept == []


def test_what_decides_nothing_forgets_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the page, of advice or of the command line proves nothing again."""
    copy = copied_core(tmp_path, monkeypatch)
    before = certificate_cache.deciding_digest.__wrapped__()
    for name in ("report/page.py", "advice/recommend.py", "cli/main.py"):
        (copy / name).write_text("# another\n", encoding="utf-8")
    assert certificate_cache.deciding_digest.__wrapped__() == before


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """Return a program that notes what it is asked to run, and runs it with this Python."""
    if sys.platform == "win32":
        pytest.skip("a shell script stands for the other Python")
    program = tmp_path / "other-python"
    program.write_text(f'#!/bin/sh\necho "$3" >> {tmp_path}/asked\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return program


def test_another_environment_s_python_is_asked(plan: Plan, other_python: Path) -> None:
    """With `--python`, the framework describes itself there, and its workers will start there."""
    pairs = discovery.choose([str(FAKES / "recorder_adapter.py")])
    arms, absent = describe.describe_adapters(pairs, "cpu", {"recorder": str(other_python)})
    assert (absent, [arm.python for arm in arms]) == ([], [str(other_python)])
    assert (other_python.parent / "asked").read_text().split() == ["samenet.worker.describe"]
    assert plan.arms[0].python == ""


def test_a_python_without_samenet_is_said(tmp_path: Path) -> None:
    """An environment in which samenet is not installed is named, with the remedy."""
    if sys.platform == "win32":
        pytest.skip("a shell script stands for the other Python")
    program = tmp_path / "bare-python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    program.chmod(0o755)
    pairs = discovery.choose([str(FAKES / "recorder_adapter.py")])
    arms, absent = describe.describe_adapters(pairs, "cpu", {"recorder": str(program)})
    assert arms == []
    assert "has no samenet: install it there too" in absent[0].reason


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("jaxx=/bin/sh", "Unknown framework 'jaxx'. Did you mean 'jax'?"),
        ("jax=/nowhere/python", "write NAME=PATH with the path of a Python"),
        ("jax", "write NAME=PATH with the path of a Python"),
    ],
)
def test_a_wrong_python_is_explained(setting: str, sentence: str) -> None:
    """A framework that is not in the run, and a path without a program, are usage errors."""
    with pytest.raises(UsageError, match=re.escape(sentence)):
        planner.find_interpreters([setting], {"jax", "numpy"})


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param([], id="nothing"),
        pytest.param({}, id="no list"),
        pytest.param("proved", id="a text"),
        pytest.param([1, None], id="no records"),
        pytest.param(['{"kind": "certificate"}'], id="half a record"),
        pytest.param(None, id="a case of another name"),
    ],
)
def test_what_is_no_proof_is_not_remembered_as_one(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: object
) -> None:
    """Whatever stands in the cache, only records that prove this case spare its proof."""
    if stored is None:
        stored = [encode(check(plan, CASES[1], passed=True))]
    monkeypatch.setattr(cache, "get", lambda kind, key: stored)
    known, left = certificate_cache.recall(plan, parity_job(plan, CASES[0]), tmp_path)
    assert (known, left.tasks) == ([], (CASES[0],))
