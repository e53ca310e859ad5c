"""What Keras on JAX says is in force, and how often XLA has compiled in this process.

JAX reports every compilation to whoever listens:
https://docs.jax.dev/en/latest/jax.monitoring.html
"""

from __future__ import annotations

from typing import Any

import jax
import keras
from jax import monitoring

from samenet import machine
from samenet.adapter import Target

EVENT = "/jax/core/compile/backend_compile_duration"
"""What JAX reports after every compilation, whoever asked for it: jax/_src/dispatch.py."""

heard: list[float] = []
"""The seconds of every compilation of this process."""


def _listen(event: str, duration_secs: float, **details: Any) -> None:
    del details
    if event == EVENT:
        heard.append(duration_secs)


monitoring.register_event_duration_secs_listener(_listen)  # once: a module is run once


def read_back(program: Any, target: Target) -> dict[str, str | int | float]:
    """Return what Keras and JAX say is in force, and what the program's own arrays and code say."""
    del target
    kernel = program.state()[0]
    (device,) = kernel.devices()
    return {
        "compilations": len(heard),
        "threads": machine.threads_named("tf_XLAEigen") or machine.NOT_READABLE,
        "device": f"{device.platform}:{device.id}",
        "dtype": str(kernel.dtype),
        "backend": keras.config.backend(),
        "matmul precision": str(jax.config.values["jax_default_matmul_precision"]),
        "compiler": program.compiler(),
    }
