"""Keras 3 on PyTorch: a Sequential model, compile and fit; or the same model in an own loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import torch
from torch.utils.data import DataLoader

from samenet.adapter import Batches, Capabilities, DataSource, Target
from samenet.adapters.keras import precision
from samenet.adapters.keras.loop_torch import TapeProgram
from samenet.adapters.keras.program import (
    FitProgram,
    KerasProgram,
    build_from,
    offered_capabilities,
)
from samenet.adapters.keras.tensors_torch import copy_to_device, wait

ADAPTER = {
    "name": "keras-torch",
    "title": "Keras on PyTorch",
    "default": False,
    "modes": {
        "fit": {
            "compiler": "",  # its own choice, which is none
            "why": "fit on a DataLoader of ready batches, which do nothing but be handed over",
            "source": "https://keras.io/api/models/model_training_apis/#fit-method",
        },
        "native": {
            "losses_per": "step",
            "default": True,
            "why": "the guide's own loop with Keras' layers, loss and optimiser, resident tensors",
            "source": "https://keras.io/guides/writing_a_custom_training_loop_in_torch/",
        },
    },
    "imports": ["keras"],
    "distributions": ["keras", "torch"],
    "extra": "keras-torch",
    "environment": {"KERAS_BACKEND": "torch"},
    "keeps_out": ["jax", "tensorflow"],  # loaded where it is installed: half a second of the import
    # there for samenet, or for others: half a second of the import, and more
    "import_without": [
        "sklearn",
        "pandas",
        "matplotlib",
        "PIL",
        "scipy",
        "psutil",
        "IPython",
        "requests",
    ],
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "sklearn-api", "export"],
    "variables": {
        "cpu": {"KERAS_TORCH_DEVICE": "cpu"},
        "cuda": {"KERAS_TORCH_DEVICE": "cuda"},
    },
    "order": 50,
    "color": "#765965",
}


def capabilities() -> Capabilities:
    """Everything, in Keras' own forms; fit reports the mean loss of a call."""
    return offered_capabilities(precision.rounded_results(), cuda=torch.cuda.is_available())


def wake(target: Target) -> None:
    """Fix threads and full float32 products, then multiply once on the device."""
    torch.set_num_threads(target.threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision("high" if target.precision == "tf32" else "highest")
    with precision.scope(target):
        small = keras.ops.ones((8, 8))
        keras.ops.matmul(small, small).sum().item()


def read_back(program: KerasProgram, target: Target) -> dict[str, str | int | float]:
    """Return what Keras and PyTorch say is in force, and what the program's own tensors say."""
    del target
    kernel = program.model.variables[0].value
    return {
        "threads": torch.get_num_threads(),
        "device": str(kernel.device),
        "dtype": str(kernel.dtype).removeprefix("torch."),
        "backend": keras.config.backend(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "compiler": program.compiler(),
    }


class LoaderProgram(FitProgram):
    """Each call is a DataLoader of its batches.

    It takes 0.93 of the time of fit on arrays, whose loader picks a batch by a list of row numbers
    (0.95 a generator, 0.98 tensors; 44 steps, one core): the step is what is slow.
    """

    compiled_by = "inductor"

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device."""
        inputs, targets = self.host_arrays(source)
        self.inputs = copy_to_device(inputs, self.target)
        self.targets = copy_to_device(targets, self.target)
        self.train_rows = source.train_rows

    def fit(self, batches: Batches) -> keras.callbacks.History:
        """Fit the batches, made by one gather."""
        order = copy_to_device(batches.order, self.target)
        masks = [copy_to_device(mask, self.target) for mask in self.masks(batches)]
        inputs: Any = self.inputs[order]
        given = zip(inputs, *masks, strict=True) if masks else inputs
        ready: Any = list(zip(given, self.targets[order], strict=True))
        loader: DataLoader[Any] = DataLoader(ready, batch_size=None, collate_fn=lambda batch: batch)
        return self.model.fit(loader, shuffle=False, verbose=0)

    def sync(self) -> None:
        """Wait for the device."""
        wait(self.target)


build = partial(build_from, {"fit": LoaderProgram, "native": TapeProgram})
own_fit = FitProgram.own_fit
