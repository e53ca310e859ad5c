"""Costs that tests plant, and made-up ladders and forecasts that follow them."""

from __future__ import annotations

from samenet.experiments.scaling.cost_model import CostModel

PLANTED = CostModel(
    seconds={
        "call": 40e-6,
        "step": 20e-6,
        "layer": 15e-6,
        "row": 80e-9,
        "value": 0.7e-9,
        "number beyond cache": 1.5e-9,
        "weight": 1.2e-9,
        "weight beyond cache": 2e-9,
        "multiplication": 25e-12,
    },
    cached_numbers=2**18,
    cached_weights=2**19,
)
