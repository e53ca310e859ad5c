"""How often XLA has compiled in this process: JAX reports it to whoever listens.

https://docs.jax.dev/en/latest/jax.monitoring.html
"""

from __future__ import annotations

from typing import Any

from jax import monitoring

EVENT = "/jax/core/compile/backend_compile_duration"
"""What JAX reports after every compilation, whoever asked for it: jax/_src/dispatch.py."""

heard: list[float] = []
"""The seconds of every compilation of this process."""


def _listen(event: str, duration_secs: float, **details: Any) -> None:
    del details
    if event == EVENT:
        heard.append(duration_secs)


monitoring.register_event_duration_secs_listener(_listen)  # once: a module is run once
