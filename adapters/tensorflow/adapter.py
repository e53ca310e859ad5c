"""TensorFlow without Keras: variables, a gradient tape, and one tf.function for all steps."""

from __future__ import annotations

import tensorflow as tf

from samenet.adapter import Array, Batches, Capabilities, Target, Weights
from samenet.adapters.tensorflow.functions import ACTIVATIONS, LOSSES, loss_of
from samenet.adapters.tensorflow.layers import FORWARD
from samenet.adapters.tensorflow.network import Masks, TensorFlowProgram, device_name
from samenet.adapters.tensorflow.optimizers import OPTIMIZERS, Updates, dense_gradients
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "tensorflow",
    "title": "TensorFlow",
    "modes": {
        "graph": {
            "default": True,
            "counts_compilations": True,
            "why": "one call runs all steps inside the graph, on resident tensors",
            "source": "https://www.tensorflow.org/guide/function#loops",
        },
        "xla": {
            "why": "the same function compiled by XLA: operations fuse, nothing is dispatched, and "
            "a loop along a sequence is as fast as its steps written out",
            "best_for": ["recurrent"],
            "source": "https://openxla.org/xla/tf2xla/tutorials/jit_compile",
            "compiler": "xla",
            "counts_compilations": True,
        },
    },
    "imports": ["tensorflow"],
    "distributions": ["tensorflow"],
    "extra": "tensorflow",
    "environment": {"TF_CPP_MIN_LOG_LEVEL": "3"},
    "keeps_out": ["jax"],  # loaded where it is installed, and not needed
    # there for samenet, or for others, and loaded if it is there
    "import_without": ["sklearn", "pandas", "matplotlib", "PIL", "scipy", "psutil", "IPython"],
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "export"],
    "variables": {
        "threads": {"TF_NUM_INTRAOP_THREADS": "{threads}", "TF_NUM_INTEROP_THREADS": "1"},
        # https://www.tensorflow.org/guide/gpu#limiting_gpu_memory_growth
        "growing_memory": {"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    },  # it keeps no compiled code between processes by itself
    "compile_seconds": {"xla": 1.25},
    "order": 30,
    "color": "#d98903",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a GPU."""
    return Capabilities(
        devices=("cpu", "cuda") if tf.config.list_physical_devices("GPU") else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=tuple(OPTIMIZERS),
        layers=tuple(FORWARD),
    )


def wake(target: Target) -> None:
    """Fix threads and how float32 is multiplied before the first operation; multiply once."""
    tf.config.threading.set_intra_op_parallelism_threads(target.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(target.precision == "tf32")
    with tf.device(device_name(target)):
        tf.reduce_sum(tf.ones((8, 8), target.dtype) @ tf.ones((8, 8), target.dtype)).numpy()


def read_back(program: GraphProgram, target: Target) -> dict[str, str | int | float]:
    """Return what TensorFlow says is in force."""
    with tf.device(device_name(target)):
        return {
            "compilations": program.run.experimental_get_tracing_count(),
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "device": program.updates.variables[0].device,
            "TF32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
            "compiler": program.compiler(),
        }


def device_memory(target: Target) -> int | None:
    """Return the most bytes that tensors ever took on the device; a processor is not asked."""
    if target.device != "cuda":
        return None
    return int(tf.config.experimental.get_memory_info(f"GPU:{target.index}")["peak"])


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> GraphProgram:
    """Return the program that starts from exactly these weights."""
    return GraphProgram(network, training, weights, target, mode)


class GraphProgram(TensorFlowProgram):
    """All that varies is an argument of one traced function: calls of one shape never retrace."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target, mode: str
    ) -> None:
        """Make the optimiser's variables; nothing is traced yet."""
        super().__init__(network, weights, target)
        self.loss = loss_of(training.loss)
        with tf.device(self.device):
            self.updates = Updates(
                training, self.model.of_role(decayed=True), self.model.of_role(decayed=False)
            )
        self.xla = mode == "xla"
        # inside a loop of XLA's a convolution's gradients take 7 times as long as outside of it
        by_step = self.xla and self.has_convolutions
        self.step = tf.function(self.one_step, jit_compile=True) if by_step else self.one_step
        self.run = tf.function(self.steps, jit_compile=self.xla and not by_step)

    def train(self, batches: Batches) -> None:
        """Run all steps in one call; what depends on the step number goes in as tensors."""
        with tf.device(self.device):
            factors = tf.constant(self.updates.factors(batches), self.dtype)
            masks = [None if m is None else tf.constant(m, self.dtype) for m in batches.masks]
            self.arguments = self.data, tf.constant(batches.order), factors, tuple(masks)
            self.step_losses = self.run(*self.arguments)

    def steps(
        self, data: tuple[tf.Tensor, ...], order: tf.Tensor, factors: tf.Tensor, masks: Masks
    ) -> tf.Tensor:
        """Return the loss before each update; AutoGraph turns `for` into a loop of the graph."""
        losses = tf.TensorArray(self.dtype, size=order.shape[0])
        for i in tf.range(order.shape[0]):
            inputs, targets = [tf.gather(rows, order[i]) for rows in data]
            kept = tuple(None if mask is None else mask[i] for mask in masks)
            losses = losses.write(i, self.step(inputs, targets, factors[i], kept))
        return losses.stack()

    def one_step(
        self, inputs: tf.Tensor, targets: tf.Tensor, factors: tf.Tensor, masks: Masks
    ) -> tf.Tensor:
        """Return the loss before the update."""
        with tf.GradientTape() as tape:
            outputs = self.model(inputs, masks, training=True, xla=self.xla)
            loss = tf.reduce_mean(self.loss(targets, outputs))
        self.updates.apply(dense_gradients(tape, loss, self.updates.variables), factors)
        return loss

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return self.step_losses.numpy()

    def compiler(self) -> str:
        """Return what the latest call ran with: a graph that must be compiled fails otherwise."""
        with tf.device(self.device):
            traced = self.run.get_concrete_function(*self.arguments)
        parts = [traced.function_def, *traced.graph.as_graph_def().library.function]
        name = "_XlaMustCompile"
        compiled = any(name in part.attr and part.attr[name].b for part in parts)
        return "xla" if compiled else "none"
