"""Which processors share a core is read as the kernel writes it, or suspected where hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.machine import topology


def machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, lists: list[str], *, virtual: bool
) -> None:
    """Make a machine with so many processors and what the kernel says of each."""
    for number, text in enumerate(lists):
        topology_folder = folder / f"cpu{number}" / "topology"
        topology_folder.mkdir(parents=True)
        (topology_folder / "thread_siblings_list").write_text(f"{text}\n", encoding="utf-8")
    info = folder / "cpuinfo"
    info.write_text("flags: fpu" + " hypervisor" * virtual, encoding="utf-8")
    monkeypatch.setattr(topology, "CPU", folder)
    monkeypatch.setattr(topology, "CPU_INFO", info)
    monkeypatch.setattr(topology.os, "cpu_count", lambda: len(lists))


@pytest.mark.parametrize(
    ("lists", "virtual", "expected"),
    [
        (["0,2", "1,3", "0,2", "1,3"], False, (1,)),
        (["0-1", "0-1", "2-3", "2-3"], True, (2,)),
        (["0", "1"], False, ()),
        (["0", "1"], True, (0,)),
        (["0", "1", "2"], True, (0, 1)),
    ],
)
def test_neighbours_share_a_core_or_may(
    lists: list[str],
    virtual: bool,  # noqa: FBT001
    expected: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the last processor: its siblings; without any in a virtual machine all others."""
    machine(tmp_path, monkeypatch, lists, virtual=virtual)
    assert topology.neighbours([len(lists) - 1]) == expected


def test_all_processors_measuring_have_no_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What measures is no neighbour of itself."""
    machine(tmp_path, monkeypatch, ["0-1", "0-1"], virtual=True)
    assert topology.neighbours([0, 1]) == ()


def test_what_cannot_be_read_has_no_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the kernel's files, as on macOS, nothing is known and nothing is suspected."""
    monkeypatch.setattr(topology, "CPU", tmp_path)
    monkeypatch.setattr(topology, "CPU_INFO", tmp_path / "cpuinfo")
    assert topology.hypervisor() is None
    assert topology.neighbours([1]) == ()


def test_the_kernel_s_lists_are_read() -> None:
    """Ranges and single numbers, mixed; an empty text is no processor."""
    assert topology.parse_ranges("0-2,5,7-8") == [0, 1, 2, 5, 7, 8]
    assert topology.parse_ranges("") == []
