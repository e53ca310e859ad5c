"""The seam between samenet and a framework: what an adapter file must offer.

It is one Python file, loaded by path and only ever in a worker process. It starts with

    ADAPTER = {...}         one literal, read by the parent without running the file (see Header)

and defines

    capabilities() -> Capabilities
        what it offers where it runs: a GPU is listed only if there is one
    wake(target) -> None
        fix threads, precision and device; run one trivial operation and wait for it
    build(network, training, weights, *, target, mode) -> Program
        the same network: exactly these initial weights, these formulas
    read_back(program, target) -> dict[str, str | int | float]
        what is really in force for this program: "threads", "device", "compiler" ...
        or "not readable here"; "compilations" so far, where the framework counts them

and, in the file that `ADAPTER["quickstart"]` names (its own or a neighbour),

    quickstart(network, training, data, *, seed) -> QuickStart
        the framework's documented first example for this kind of task

An adapter that can compute on a CUDA device may add

    device_memory(target) -> int | None
        the most bytes its allocator ever had on the device, or None where it does not tell
    event_seconds(program, work) -> float
        seconds between two events of the device's own clock, recorded before and after work()

and, in the file that `ADAPTER["predictors"]` names (its own or a neighbour),

    predictors(program, target) -> dict[str, Callable[[Array], Array]]
        how rows are predicted, from a host array (rows, features) in the target's dtype to a host
        array (rows, outputs): "usual" as the framework's users write it, "fast" as its experts do.
        Both are compared with the oracle before they are timed.
    PREDICT = {"usual": {"why": ..., "source": ...}, "fast": {...}}
        one literal: the reason and a public source of each; "returns": "probabilities" where the
        framework's own way adds the link (else the linear outputs are wanted)

Without it, `program.predict` is timed as the usual way, on resident rows. An adapter with a mode
called "fit" may add, to be timed beside that mode (without dropout)

    own_fit(program, epochs: int) -> None
        the framework's own whole fit of the loaded training rows: one call for all epochs, its own
        shuffling, the task's batch size; the program is fresh and not used for anything else
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol, Self, SupportsFloat, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from samenet._text import count_noun
from samenet.adapter.arrays import Array, Batches, DataSource, Dtype, Fetchable, Weights
from samenet.adapter.variables import Variables
from samenet.machine.devices import DEVICES, DeviceName
from samenet.spec.network import Family
from samenet.spec.parsing import FrozenModel, GrownModel
from samenet.spec.training import Forms

Precision = Literal["strict-float32", "tf32"]
"""Of matrix products: full float32, or a GPU's units for numbers of 11 binary digits."""


class Target(FrozenModel):
    """Where and how precisely a result is computed."""

    device: DeviceName = "cpu"
    index: int = Field(default=0, ge=0, le=999)
    """Which CUDA device, counted as nvidia-smi does; a worker sees only that one, as its first."""
    dtype: Dtype = "float32"
    threads: int = Field(default=1, ge=1, le=100_000)
    precision: Precision = "strict-float32"

    @model_validator(mode="after")
    def _of_float32(self) -> Self:
        if self.precision == "tf32" and self.dtype != "float32":
            raise ValueError("precision tf32 is a way to multiply float32 numbers: use float32")
        return self

    @property
    def place(self) -> str:
        """Return the device as a person writes it: 'cpu', 'cuda:0'."""
        return f"{self.device}:{self.index}" if DEVICES[self.device].numbered else self.device

    @property
    def strict(self) -> Target:
        """Return the target on which sameness is proved, whatever precision is timed."""
        return self.model_copy(update={"precision": "strict-float32"})

    @property
    def numbers(self) -> str:
        """Return the dtype, and how it is multiplied if that is not as exactly."""
        return f"{self.dtype} (tf32 products)" if self.precision == "tf32" else self.dtype

    def __str__(self) -> str:
        """Return the short form, e.g. 'cpu, float32, 1 thread'."""
        return f"{self.place}, {self.numbers}, {count_noun(self.threads, 'thread')}"


class Mode(GrownModel):
    """One way of running a framework, with the reason and the public source that defends it."""

    why: str
    """The reason for this loop, in one line."""
    source: str
    """A public address that recommends it."""
    default: bool = False
    """Whether it runs when the framework is named without a mode; if none is, the first runs."""
    best_for: tuple[Family, ...] = ()
    """Families of networks for which it runs instead of the default, because it is the best loop
    for them; `why` and `source` then say so."""
    needs: tuple[str, ...] = ()
    """What must be there: "CUDA device", "C++ compiler"."""
    compiler: str = "none"
    """What compiles the step; `read_back` has to find it in force. Empty: the framework decides."""
    counts_compilations: bool = False
    """Whether `read_back` counts one more of "compilations" for every new shape."""
    losses_per: Literal["", "step", "call"] = ""
    """What it reports a loss for, if that is not what `Capabilities.losses_per` says."""
    layers: tuple[str, ...] = ()
    """The kinds of layers it has, if those are fewer than `Capabilities.layers` says."""
    newer: ClassVar[frozenset[str]] = frozenset(
        {"counts_compilations", "losses_per", "best_for", "layers"}
    )


Offer = Literal["gpu", "autodiff", "sklearn-api", "export"]


class Header(GrownModel):
    """The literal at the top of an adapter file; read by the parent, never executed there."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """As it is written on the command line."""
    title: str
    """As the page and the tables write it."""
    modes: dict[str, Mode] = Field(min_length=1)
    """The ways of running it, by name."""
    imports: tuple[str, ...] = Field(min_length=1)
    """The modules a user of the framework imports; their import is timed in a bare interpreter."""
    distributions: tuple[str, ...]
    """The installed packages whose versions belong to a result; the first is the framework. One
    that is published under several names is written with all of them: "a|b"."""
    extra: str = ""
    """The extra of samenet that installs it: `pip install 'samenet[extra]'`."""
    environment: dict[str, str] = {}
    """Variables that must be set before the framework is imported, whatever is computed."""
    keeps_out: tuple[str, ...] = ()
    """Modules that it loads where they are installed and does without where they are not: its
    workers do without them, so that its start does not depend on what else is installed."""
    import_without: tuple[str, ...] = ()
    """Modules that are there for samenet's sake, or another's, and that its import loads where they
    are: it is timed without them. Afterwards they can be imported again."""
    variables: Variables = Variables()
    """Variables whose values depend on what is computed: threads, device, precision, caches. Those
    of the shipped adapters are set for every worker: a file on one of their libraries need not
    repeat them. Its own come last."""
    compile_seconds: dict[str, float] = {}
    """Of one training step, by the name that modes give their `compiler`: a first guess, until
    this machine has compiled one."""
    order: int = 1000
    """Its place in lists, the smallest first; equal ones stand by their names."""
    quickstart: str = ""
    """The file with the documented first example; empty if the framework has none."""
    quickstart_distributions: tuple[str, ...] = ()
    """Packages that the documented first example uses beside those of the framework itself."""
    default: bool = True
    """Whether it runs unless frameworks are named."""
    predictors: str = ""
    """The file with its usual and its fast way to predict; empty: `Program.predict` is timed."""
    adoptable: bool = True
    """False for a line that is there for reference and is never recommended."""
    offers: tuple[Offer, ...] = ()
    """What the framework has: "export" writes trained models that run without it."""
    color: str = "#666666"
    """The framework's colour in every figure."""
    newer: ClassVar[frozenset[str]] = frozenset(
        {
            *("variables", "compile_seconds", "order", "keeps_out", "import_without"),
            "quickstart_distributions",
        }
    )


WOULD_HOLD = "it would hold"
"""With these words begins, in the detail of a check, which other form explains its error."""


class Deviation(GrownModel):
    """What a framework does otherwise than the spec says, and cannot be talked out of."""

    what: str
    link: str
    present: bool = True
    """Whether a probe, run here with this version, still shows it."""
    forms: tuple[str, ...] = ()
    """The fields of samenet.spec.Forms that declare it: the oracle then knows its size."""
    newer: ClassVar[frozenset[str]] = frozenset({"forms"})


Part = Literal["l2", "weight_decay", "clip_norm", "schedule", "label_smoothing"]
PARTS: tuple[Part, ...] = get_args(Part)
"""What a training may have beside its loss and its optimiser."""


class Capabilities(GrownModel):
    """What an adapter offers where it runs, as plain data."""

    devices: tuple[str, ...]
    dtypes: tuple[Dtype, ...]
    activations: tuple[str, ...]
    losses: tuple[str, ...]
    optimizers: tuple[str, ...]
    forms: Forms = Forms()
    """The form of each optimiser that this adapter follows, where there are several."""
    losses_per: Literal["step", "call"] = "step"
    """What a loss is reported for; a mode that does otherwise says so in the header."""
    losses_from: Literal["logits", "probabilities"] = "logits"
    """What the reported cross entropy is computed from.

    In a rounded, clipped probability the loss of a row that is almost surely wrong is lost, though
    not its gradient: gate 0 then compares the probabilities, exp(-loss).
    """
    layers: tuple[str, ...] = ("dense",)
    """The kinds of layers it has, by the names of samenet.spec.KINDS."""
    parts: tuple[Part, ...] = PARTS
    """What it has beside losses and optimisers."""
    mixed_activations: bool = True
    """Whether hidden layers may differ in their activation."""
    classes_min: int = 2
    """The fewest classes of a multi-class task."""
    dropout: bool = True
    """Whether it multiplies by the masks of `Batches`."""
    deviations: tuple[Deviation, ...] = ()
    """Printed as footnotes while they are present."""
    newer: ClassVar[frozenset[str]] = frozenset({"layers"})

    def of_mode(self, mode: Mode) -> Capabilities:
        """Return what is offered in one mode, where its header says so."""
        other: dict[str, Any] = {}
        if mode.losses_per:
            other["losses_per"] = mode.losses_per
        if mode.layers:
            other["layers"] = tuple(kind for kind in self.layers if kind in mode.layers)
        return self.model_copy(update=other) if other else self


class Program(Protocol):
    """The same network in one framework. Six methods, all mandatory."""

    def load(self, source: DataSource) -> None:
        """Take all rows to the device, in the target's dtype, and keep them there."""

    def train(self, batches: Batches) -> None:
        """Run all steps in the framework's own best way; may return before the device is done."""

    def losses(self) -> Array:
        """Return the mean loss before each update of the latest `train` call: (steps,).

        A framework that reports only the mean of a call returns (1,) and declares it.
        """

    def predict(self, rows: NDArray[np.int32]) -> Fetchable:
        """Return the linear outputs (logits or values) of these rows: (rows, outputs)."""

    def weights(self) -> Weights:
        """Return copies of the weights as NumPy arrays in the dtype of the target."""

    def sync(self) -> None:
        """Return when everything asked for so far has been computed."""


class QuickStart(Protocol):
    """A framework's documented first example, with our data, layer sizes, batch size, epochs."""

    def fit(self, epochs: int) -> Sequence[SupportsFloat]:
        """Train and return the training loss per epoch, as the example itself reports it."""

    def predict(self, inputs: Array) -> Array:
        """Return probabilities (rows, classes), (rows, 1) if binary, or values (rows, outputs)."""
