"""Which checks stand before the timing of an adapter with these capabilities, by name.

The workers that prove and the reader of a run ask for the same ones: what is missing is no proof.
"""

from __future__ import annotations

from samenet.adapter.api import Capabilities

Named = tuple[str, str, str]
"""Gate, what its quantity begins with, precision."""


def of_task(offered: Capabilities, *, keeps: bool = False) -> list[Named]:
    """Return what stands before the timing of a task: gates 1 and 2.

    `keeps` says whether its network keeps the statistics of batch norms.
    """
    named: list[Named] = []
    for dtype in offered.dtypes:
        named += [("initial weights", "", dtype), ("gate 1", "gradient", dtype)]
    exact = "float64" in offered.dtypes
    return named + (_trajectory("gate 2", "float64", keeps=keeps) if exact else [])


def of_function(offered: Capabilities, function: str) -> list[Named]:
    """Return what gate 0 gives of an activation or a loss: its value and its derivative."""
    return [
        ("gate 0", quantity, dtype)
        for dtype in offered.dtypes
        for quantity in (function, f"derivative of {function}")
    ]


def of_case(offered: Capabilities, name: str) -> list[Named]:
    """Return what a parity case gives, by the kind that its name begins with."""
    kind, _, rest = name.partition(" ")
    if kind in {"activation", "loss"}:
        return of_function(offered, rest)
    if kind == "training":
        return of_training(offered)
    if kind == "gradient":
        return [check for check in of_task(offered) if check[0] in {"initial weights", "gate 1"}]
    if kind == "network":
        return of_network(
            offered, kinked=layers_with_kinks(rest), keeps=layers_with_statistics(rest)
        )
    return [("repeatable", name, "float32")]


def of_network(offered: Capabilities, *, kinked: bool, keeps: bool) -> list[Named]:
    """Return what a case of layers gives: gates 1 and 2, and gate 3 where it has no kinks.

    A network that keeps the statistics of batch norms is asked for these as well.
    """
    found = of_task(offered, keeps=keeps)
    if "float32" in offered.dtypes and not kinked:
        found += _trajectory("gate 3", "float32", keeps=keeps)
    return found


def layers_with_statistics(name: str) -> bool:
    """Return whether a case of layers has batch norms, as its name says."""
    return name.startswith(("batch norm", "pools of sequences", "residual"))


def layers_with_kinks(name: str) -> bool:
    """Return whether a case of layers has kinks, as its name says: rounding may cross them."""
    return "relu" in name


def of_training(offered: Capabilities) -> list[Named]:
    """Return what a training case gives: gate 2 in float64, gate 3 in float32."""
    gates = {"float64": "gate 2", "float32": "gate 3"}
    return [check for dtype in offered.dtypes for check in _trajectory(gates[dtype], dtype)]


def _trajectory(gate: str, dtype: str, *, keeps: bool = False) -> list[Named]:
    statistics = ["kept statistics"] * keeps
    return [(gate, quantity, dtype) for quantity in ("weights", "loss", "outputs", *statistics)]


def is_one(check: Named, gate: str, quantity: str, dtype: str) -> bool:
    """Return whether a check that was made is the one that is asked for."""
    return (gate, dtype) == (check[0], check[2]) and quantity.startswith(check[1])
