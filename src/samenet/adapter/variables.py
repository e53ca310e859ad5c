"""The part of an adapter's header that says what to set before its framework is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from samenet.spec.parsing import FrozenModel

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Values = dict[Name, str]
Kept = Literal["cold", "warm"]

THREADS, CACHE = "{threads}", "{cache}"
MAY_HOLD = {"threads": THREADS, "cache": CACHE, "cache_cold": CACHE, "cache_warm": CACHE}
"""What samenet fills in, and in which groups."""


class Variables(FrozenModel):
    """Environment variables that a framework's library reads when it is imported.

    They are grouped by when they are set; a group that is left out sets nothing. In a value,
    `{threads}` becomes the number of threads that was asked for, and `{cache}` the folder of the
    process for compiled code.
    """

    threads: Values = {}
    """Always: how many threads compute."""
    cpu: Values = {}
    """On a processor, so that no device is chosen beside it."""
    cuda: Values = {}
    """On a CUDA device. CUDA_VISIBLE_DEVICES is set by samenet, and hides all others."""
    strict: Values = {}
    """For matrix products in full float32, which every proof of sameness is made in."""
    tf32: Values = {}
    """For matrix products in TF32."""
    cache: Values = {}
    """In every process that a run starts: where compiled code is kept."""
    cache_cold: Values = {}
    """The same where no process may find what an earlier one has compiled."""
    cache_warm: Values = {}
    """The same where the timed processes of one result share what they compile."""
    growing_memory: Values = {}
    """Of processes that are not timed: two of them share a GPU, and one reads how much is used."""

    @model_validator(mode="after")
    def _known_placeholders(self) -> Self:
        for group, values in self.groups.items():
            known = {MAY_HOLD[group]} if group in MAY_HOLD else set()
            for name, value in values.items():
                if strange := sorted(set(re.findall(r"\{\w*\}", value)) - known):
                    allowed = f"only {', '.join(known)} is" if known else "nothing is"
                    raise ValueError(f"{group}: {name}: {strange[0]}: {allowed} filled in there")
        return self

    @model_serializer(mode="wrap")
    def _set_ones(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out empty groups: a group that is new some day changes no plan's text."""
        return {group: values for group, values in dump(self).items() if values}

    @property
    def groups(self) -> dict[str, Values]:
        """Return every group by its key."""
        return {key: getattr(self, key) for key in type(self).model_fields}

    def for_target(self, threads: int, device: str, precision: str) -> Values:
        """Return what says how a process is to compute."""
        return {
            **_filled(self.threads, THREADS, threads),
            **self.groups[device],
            **(self.tf32 if precision == "tf32" else self.strict),
        }

    def for_cache(self, kept: Kept, folder: str) -> Values:
        """Return what says where a process keeps compiled code."""
        return _filled(
            {**self.cache, **(self.cache_warm if kept == "warm" else self.cache_cold)},
            CACHE,
            folder,
        )

    def names(self, groups: Iterable[str]) -> set[str]:
        """Return the variables of some groups."""
        return {name for group in groups for name in self.groups[group]}


def _filled(values: Mapping[str, str], placeholder: str, value: object) -> Values:
    return {name: text.replace(placeholder, str(value)) for name, text in values.items()}
