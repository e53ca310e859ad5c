"""`samenet certify`: one table of the worst errors, of every framework that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from samenet.adapter import discovery
from samenet.certificate import cases
from samenet.machine import distributions


def certify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "samenet", "certify", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def quick() -> subprocess.CompletedProcess[str]:
    """Run the quick form once for all tests of this file."""
    return certify("--quick", "--json")


def installed() -> set[str]:
    """Return the default modes of the usual frameworks that are installed."""
    return {
        each.arm(mode)
        for each in discovery.shipped_adapters().values()
        for mode in each.default_modes
        if each.header.default
        and None not in map(distributions.installed_version, each.header.distributions)
    }


def test_the_quick_form_shows_every_framework_in_every_gate() -> None:
    """Every installed framework passes gates 0 to 3 on two small tasks and what they rest on."""
    done = quick()
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert all(row["passed"] for row in rows)
    gates = {"gate 0", "initial weights", "gate 1", "gate 2", "gate 3", "repeatable"}
    shown = {arm: {row["gate"] for row in rows if row["arm"] == arm} for arm in installed()}
    assert shown == dict.fromkeys(installed(), gates)


def test_the_same_figures_come_back_from_the_cache() -> None:
    """A second run prints the figures of the first, and does not prove anything again."""
    first = quick()
    second = certify("--quick", "--json")
    assert json.loads(second.stdout)["rows"] == json.loads(first.stdout)["rows"]


def test_float64_stays_inside_the_limits_of_the_issue() -> None:
    """The worst error of a float64 training is below 1e-12 in weights and 1e-11 in losses."""
    rows = json.loads(quick().stdout)["rows"]
    gate_2 = [row for row in rows if row["gate"] == "gate 2"]
    assert max(row["error"] for row in gate_2 if row["quantity"] == "weights") <= 1e-12
    assert max(row["error"] for row in gate_2 if row["quantity"].startswith("loss")) <= 1e-11


def test_repeatable_says_whether_it_is_so_bit_for_bit() -> None:
    """The row of one seed twice says whether bits agree, and how far other seeds end apart."""
    rows = json.loads(quick().stdout)["rows"]
    details = [row["detail"] for row in rows if row["gate"] == "repeatable"]
    assert details
    for detail in details:
        assert "bit for bit" in detail
        assert "seeds the final loss spreads by" in detail


def test_all_and_quick_exclude_each_other() -> None:
    """Asking for everything and for little at once is a usage error in one sentence."""
    done = certify("--all", "--quick")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


@pytest.mark.slow
def test_all_shows_every_case_in_every_mode() -> None:
    """`--all` proves every case of the list, or says that a framework does not offer it."""
    done = certify("--all", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    functions = {name for name in cases.names() if name.split()[0] in ("activation", "loss")}
    lacking = Counter(e["arm"] for e in said["unsupported"] if e["task"] in functions)
    rows = [row for row in said["rows"] if row["gate"] == "gate 0"]
    counts = {row["checks"] + lacking[row["arm"]] for row in rows if row["quantity"] == "values"}
    assert counts == {len(functions)}
    assert set(lacking) <= {"scikit-learn:fit"}


def test_certify_ends_well_if_all_that_is_offered_is_proved() -> None:
    """scikit-learn has no GELU: that is said, beside a task that it has and that is proved."""
    command = [sys.executable, "-P", "-m", "samenet", "certify", "projectile", "friedman"]
    chosen = ["--framework", "scikit-learn", "--json"]
    done = subprocess.run([*command, *chosen], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["failures"] == []
    assert all(row["passed"] for row in said["rows"])
    assert "activation gelu" in {entry["task"] for entry in said["unsupported"]}
