"""What a person asks of a framework: needs, limits, what is to be ranked; free of any run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from samenet.adapter.api import Offer
from samenet.analysis.quantities import Quantity
from samenet.errors import UsageError

LACKS: dict[Offer, str] = {
    "gpu": "does not compute on a GPU",
    "autodiff": "does not differentiate functions of your own",
    "sklearn-api": "does not have scikit-learn’s interface",
    "export": "does not write models that run without it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Everything that narrows the choice, or changes what is ranked; None is no wish."""

    device: str | None = None
    epochs: int | None = None
    steps: int | None = None
    time_limit_seconds: float | None = None
    """Of the whole training."""
    install_mb_most: float | None = None
    import_seconds_most: float | None = None
    serve: Literal["latency", "throughput"] | None = None
    """Rank by predicting, not by training."""
    needs: tuple[Offer, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for wishes that contradict each other."""
        length = {"--epochs": self.epochs, "--steps": self.steps}
        given = [name for name, value in length.items() if value is not None]
        if len(given) > 1:
            raise UsageError("--epochs and --steps both say how long the training is: give one.")
        given += ["--time-limit"] if self.time_limit_seconds is not None else []
        if self.serve and given:
            raise UsageError(
                f"--serve ranks by predicting, {given[0]} is about training: give one."
            )

    @property
    def quantity(self) -> Quantity:
        """Return what is ranked."""
        return Quantity(self.serve) if self.serve else Quantity.TOTAL


NO_WISHES = Wishes()
