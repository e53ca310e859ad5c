"""One Keras adapter at work: `python keras_backend_run.py NAME`, in a worker's environment.

Prints one JSON line: per mode the read-backs, losses and weights of one call; what its own whole
fit did; the quick starts; which frameworks are loaded; what an operation gives for float64 during a
proof and after it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from samenet.adapter import Batches, DataSource, QuickStartData, Target, discovery, draws
from samenet.machine import imports
from samenet.spec import Network, TrainSpec

ROWS, INPUTS, STEPS, BATCH = 64, 8, 4, 16
TRAIN_ROWS = 40
LOSSES = {
    "multiclass": "sparse_categorical_cross_entropy",
    "binary": "binary_cross_entropy",
    "regression": "mean_squared_error",
}


def network(outputs: int) -> Network:
    head = {"units": outputs, "activation": "identity"}
    return Network.model_validate(
        {"inputs": INPUTS, "layers": [{"units": 8, "activation": "tanh"}, head]}
    )


def training(loss: str) -> TrainSpec:
    rule = {"name": "sgd", "learning_rate": 2.0**-5, "momentum": 0.875}
    return TrainSpec.model_validate(
        {"loss": loss, "optimizer": rule, "batch_size": BATCH, "epochs": 1}
    )


def source(kind: str) -> DataSource:
    loss, outputs = LOSSES[kind], 3 if kind == "multiclass" else 1
    inputs, targets = draws.parity_rows(ROWS, INPUTS, outputs, loss=loss, words=(kind, 0))
    return DataSource(inputs=inputs, targets=targets, train_rows=ROWS)


def trained(adapter: Any, mode: str) -> dict[str, Any]:
    """Return what a program of a mode gives after one call."""
    net, target = network(3), Target()
    weights = draws.as_dtype(draws.initial_weights(net, task="keras", repeat=0), target.dtype)
    program = adapter.build(net, training(LOSSES["multiclass"]), weights, target=target, mode=mode)
    program.load(source("multiclass"))
    order = np.arange(STEPS * BATCH, dtype=np.int32).reshape(STEPS, BATCH)
    program.train(Batches(order=order))
    program.sync()
    arrays = [array for layer in program.weights() for array in layer.values()]
    numbers = np.concatenate([array.ravel() for array in arrays])
    return {
        "losses": np.asarray(program.losses()).tolist(),
        "weights": numbers.tolist(),
        "read_back": adapter.read_back(program, target),
    }


def own_fit(adapter: Any) -> dict[str, Any]:
    """Return what two epochs of the own whole fit did; the test rows are not numbers."""
    net, target, rows = network(3), Target(), source("multiclass")
    inputs = rows.inputs.copy()
    inputs[TRAIN_ROWS:] = np.nan
    weights = draws.as_dtype(draws.initial_weights(net, task="keras", repeat=0), target.dtype)
    spec = training(LOSSES["multiclass"])
    program = adapter.build(net, spec, weights, target=target, mode="fit")
    program.load(DataSource(inputs=inputs, targets=rows.targets, train_rows=TRAIN_ROWS))
    adapter.own_fit(program, 2)
    arrays = [array for layer in program.weights() for array in layer.values()]
    finite = [bool(np.isfinite(array).all()) for array in arrays]
    return {"steps": int(program.model.optimizer.iterations), "finite": all(finite)}


def first_example(example: Any, kind: str) -> dict[str, Any]:
    """Return what the quick start of a kind of task gives after ten epochs."""
    rows = source(kind)
    outputs = 3 if kind == "multiclass" else 1
    data = QuickStartData(inputs=rows.inputs, targets=rows.targets, kind=kind)
    makers = [network(outputs), training(LOSSES[kind]), data]
    made = example.quickstart(*makers, seed=0)
    losses = [float(loss) for loss in made.fit(10)]
    again = [float(loss) for loss in example.quickstart(*makers, seed=0).fit(10)]
    found = np.asarray(made.predict(rows.inputs))
    extremes = {"least": float(found.min()), "most": float(found.max())}
    return {"losses": losses, "again": again, "shape": list(found.shape), **extremes}


def float64_gives(precision: Any) -> list[str]:
    """Return the precision of a float64 result in a proof and after it."""
    import keras

    found = []
    for dtype in ("float64", "float32"):
        with precision.scope(Target(dtype=dtype)):
            found.append(keras.backend.result_type("float64"))
    return found


def main(name: str) -> None:
    """Let the adapter do everything once, and print what came of it."""
    imports.keep_out()  # as a worker begins
    shipped = discovery.shipped_adapters()[name]
    adapter = discovery.load(shipped.path)
    offers = adapter.capabilities()
    adapter.wake(Target())
    found = {mode: trained(adapter, mode) for mode in shipped.header.modes}
    example = discovery.load(shipped.quickstart_path)
    print(
        json.dumps(
            {
                **found,
                "own_fit": own_fit(adapter),
                "dtypes": offers.dtypes,
                "deviations": [deviation.present for deviation in offers.deviations],
                "quickstart": {kind: first_example(example, kind) for kind in LOSSES},
                "float64 gives": float64_gives(adapter.precision),
                "loaded": sorted({module.partition(".")[0] for module in sys.modules}),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
