"""JAX: pure functions, compiled once; all steps of a call in one lax.scan, or step by step."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
from jax import monitoring

from samenet.adapter import NOT_READABLE, Capabilities, Target, Weights, threads_named
from samenet.adapters.jax.functions import ACTIVATIONS, LOSSES
from samenet.adapters.jax.layers import LAYERS
from samenet.adapters.jax.modes import CompiledProgram, LoopProgram, ScanProgram
from samenet.adapters.jax.network import device_of
from samenet.adapters.jax.optimizers import OPTIMIZERS
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "jax",
    "title": "JAX",
    "modes": {
        "scan": {
            "default": True,
            "why": "jit on the outermost call: one lax.scan runs all steps, state donated",
            "source": "https://docs.jax.dev/en/latest/benchmarking.html",
            "compiler": "xla",
            "counts_compilations": True,
        },
        "jit": {
            "why": "a jitted update, called once per batch, with one vector in and out",
            "source": "https://optax.readthedocs.io/en/latest/api/transformations.html",
            "compiler": "xla",
            "counts_compilations": True,
        },
    },
    "imports": ["jax"],
    "distributions": ["jax", "jaxlib"],
    "extra": "jax",
    "quickstart": "quickstart.py",
    "quickstart_distributions": ["flax", "optax"],
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "export"],
    "variables": {
        "threads": {"PJRT_NPROC": "{threads}"},
        "cpu": {"JAX_PLATFORMS": "cpu"},
        "cuda": {"JAX_PLATFORMS": "cuda,cpu"},  # "cuda" alone fails where there is none
        # https://docs.jax.dev/en/latest/persistent_compilation_cache.html
        "cache_cold": {"JAX_ENABLE_COMPILATION_CACHE": "false"},
        "cache_warm": {
            "JAX_COMPILATION_CACHE_DIR": "{cache}",
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        },
        # https://docs.jax.dev/en/latest/gpu_memory_allocation.html
        "growing_memory": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    },
    "compile_seconds": {"xla": 1.25},
    "order": 80,
    "color": "#18a2bd",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a CUDA device."""
    return Capabilities(
        devices=("cpu", "cuda") if has_cuda() else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=tuple(OPTIMIZERS),
        layers=tuple(LAYERS),
    )


def has_cuda() -> bool:
    """Return whether JAX sees a CUDA device."""
    try:
        return bool(jax.devices("cuda"))
    except RuntimeError:
        return False


PRODUCTS = {"strict-float32": "highest", "tf32": "tensorfloat32"}
"""How JAX calls them: https://docs.jax.dev/en/latest/_autosummary/jax.default_matmul_precision.html"""


def wake(target: Target) -> None:
    """Say how float32 is multiplied, then do it once; threads were fixed before the import."""
    jax.config.update("jax_default_matmul_precision", PRODUCTS[target.precision])
    small = jnp.ones((8, 8), jnp.float32, device=device_of(target))
    jnp.sum(small @ small).block_until_ready()


COMPILED = "/jax/core/compile/backend_compile_duration"
"""What JAX reports after every compilation, whoever asked for it: jax/_src/dispatch.py."""

reported: Counter[str] = Counter()
"""How often JAX has reported each event in this process."""


def count_event(event: str, duration_secs: float, **details: Any) -> None:
    """Count an event; JAX calls this: https://docs.jax.dev/en/latest/jax.monitoring.html."""
    del duration_secs, details
    reported[event] += 1


monitoring.register_event_duration_secs_listener(count_event)


def read_back(program: CompiledProgram, target: Target) -> dict[str, str | int | float]:
    """Return what JAX says is in force, and what the program's own arrays and code say."""
    del target
    numbers = jax.tree.leaves(program.state[0])[0]
    (device,) = numbers.devices()
    return {
        "compilations": reported[COMPILED],
        "threads": pool_threads(),
        "device": f"{device.platform}:{device.id}",
        "dtype": str(numbers.dtype),
        "matmul precision": str(jax.config.values["jax_default_matmul_precision"]),
        "compiler": program.compiler(),
    }


def device_memory(target: Target) -> int | None:
    """Return the most bytes that arrays ever took on the device."""
    found = (device_of(target).memory_stats() or {}).get("peak_bytes_in_use")
    return None if found is None else int(found)


def pool_threads() -> int | str:
    """Return how many threads XLA computes with, by their name: JAX itself does not tell."""
    return threads_named("tf_XLAEigen") or NOT_READABLE


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> CompiledProgram:
    """Return the program that starts from exactly these weights."""
    kind = ScanProgram if mode == "scan" else LoopProgram
    return kind(network, training, weights, target)
