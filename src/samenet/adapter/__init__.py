"""The seam: what every framework is given and must offer.

A stranger's adapter imports from here; `samenet.adapter.api` is its contract in words.
May import: spec, machine.
"""

from samenet.adapter.api import (
    PARTS,
    Capabilities,
    Deviation,
    Header,
    Mode,
    Offer,
    Part,
    Precision,
    Program,
    QuickStart,
    Target,
)
from samenet.adapter.arrays import (
    Array,
    Batches,
    DataSource,
    Dtype,
    Fetchable,
    Layer,
    QuickStartData,
    Weights,
)
from samenet.machine.devices import parse_device
from samenet.machine.system import NOT_READABLE, threads_named

__all__ = [
    "NOT_READABLE",
    "PARTS",
    "Array",
    "Batches",
    "Capabilities",
    "DataSource",
    "Deviation",
    "Dtype",
    "Fetchable",
    "Header",
    "Layer",
    "Mode",
    "Offer",
    "Part",
    "Precision",
    "Program",
    "QuickStart",
    "QuickStartData",
    "Target",
    "Weights",
    "parse_device",
    "threads_named",
]
