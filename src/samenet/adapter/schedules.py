"""The learning rate of every step as one array, drawn up once in NumPy for every framework."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samenet.adapter.arrays import Batches
from samenet.spec.training import AdamConstants, Schedule, TrainSpec


def learning_rates(training: TrainSpec) -> NDArray[np.float64]:
    """Return the rate of each step until it changes no more; after the last it holds its value.

    Every rate is a number that float32 holds exactly, so all precisions use the same ones.
    """
    schedule = training.schedule
    steps = np.arange(schedule.warmup_steps + schedule.steps + 1, dtype=np.float64)
    warm = (steps + 1) / max(1, schedule.warmup_steps)
    later = _after_warm_up(schedule, np.maximum(0.0, steps - schedule.warmup_steps))
    factors = np.where(steps < schedule.warmup_steps, warm, later)
    rates = training.optimizer.learning_rate * factors
    return rates.astype(np.float32).astype(np.float64) if len(rates) > 1 else rates


def _after_warm_up(schedule: Schedule, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors of samenet.spec.training.Schedule."""
    match schedule.name:
        case "step":
            return schedule.drop ** np.floor(steps / schedule.every)
        case "exponential":
            return schedule.drop ** (steps / schedule.every)
        case "cosine":
            falling = (1 + np.cos(np.pi * steps / schedule.steps)) / 2
            return schedule.final + (1 - schedule.final) * falling
        case "constant":
            return np.ones_like(steps)


def rates_of(rates: NDArray[np.float64], batches: Batches) -> NDArray[np.float64]:
    """Return the rates of the steps of one call: (steps,)."""
    steps = batches.first_step + np.arange(len(batches.order))
    return rates[np.minimum(steps, len(rates) - 1)]


def step_factors(
    training: TrainSpec, rates: NDArray[np.float64], batches: Batches
) -> NDArray[np.float64]:
    """Return what depends on the step number: (steps, 3), for a loop that takes it as an array.

    The columns: the rate r_t; r_t / (1 - beta1^t) and sqrt(1 - beta2^t) of Adam (0 elsewhere).
    """
    found = np.zeros((len(batches.order), 3))
    found[:, 0] = rates_of(rates, batches)
    rule = training.optimizer
    if isinstance(rule, AdamConstants):
        t = batches.first_step + 1 + np.arange(len(found))
        found[:, 1] = found[:, 0] / (1 - rule.beta1**t)
        found[:, 2] = np.sqrt(1 - rule.beta2**t)
    return found
