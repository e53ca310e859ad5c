"""tinygrad, which does not come with samenet: one jitted step on the CPU, compiled by clang."""

import numpy as np
from tinygrad import Device, Tensor, TinyJit

from samenet.adapter import Capabilities, Layer
from samenet.adapter.schedules import learning_rates, rates_of

ADAPTER = {
    "name": "tinygrad",
    "title": "tinygrad",
    "modes": {
        "jit": {
            "why": "one TinyJit step: forward, gradients and update in kernels that are replayed",
            "source": "https://docs.tinygrad.org/mnist/",
            "compiler": "clang",
        }
    },
    "imports": ["tinygrad"],
    "distributions": ["tinygrad", "numpy"],
    "environment": {"DEV": "CPU", "CACHELEVEL": "0"},
}
ACTIVATIONS = {"relu": Tensor.relu, "sigmoid": Tensor.sigmoid, "tanh": Tensor.tanh}


def mse(z, y):
    return ((z - y) ** 2).mean()


def bce(z, y):
    return (z.softplus() - z * y).mean()


def sce(z, y):
    picked = (z.log_softmax(axis=1) * y).sum(axis=1)
    return -picked.mean()


LOSSES = {
    "mean_squared_error": mse,
    "binary_cross_entropy": bce,
    "sparse_categorical_cross_entropy": sce,
}


def capabilities():
    return Capabilities(
        devices=("cpu",),
        dtypes=("float32", "float64"),
        optimizers=("sgd", "adam"),
        parts=("schedule",),
        dropout=False,
        activations=(*ACTIVATIONS, "identity"),
        losses=tuple(LOSSES),
    )


def wake(target):
    Device[Device.DEFAULT]
    (Tensor(np.ones((2, 2), target.dtype)) + 1).realize()


def build(network, training, weights, *, target, mode):
    return _Program(network, training, weights, target.dtype)


def read_back(program, target):
    return {"threads": 1, "device": Device.DEFAULT.lower(), "compiler": "clang"}


class _Program:
    def __init__(self, network, training, weights, dtype):
        self.dtype, self.rule, self.rates = dtype, training.optimizer, learning_rates(training)
        self.functions = [
            ACTIVATIONS.get(layer.activation.name, lambda z: z) for layer in network.layers
        ]
        self.parameters = [
            Tensor(np.ascontiguousarray(p, dtype=dtype)).contiguous().realize()
            for layer in weights
            for p in (layer.kernel, layer.bias)
        ]
        self.moments = [
            [Tensor(np.zeros(p.shape, dtype)).contiguous().realize() for _ in range(2)]
            for p in self.parameters
        ]
        self.loss = LOSSES[training.loss.name]
        self.classes = network.layers[-1].units if "sparse" in training.loss.name else 0
        self.step = TinyJit(self.take_step)

    def outputs(self, values):
        for layer, function in enumerate(self.functions):
            kernel, bias = self.parameters[2 * layer : 2 * layer + 2]
            values = function(values @ kernel + bias)
        return values

    def load(self, source):
        self.host = source.inputs.astype(self.dtype)
        targets = source.targets
        if self.classes:
            targets = np.eye(self.classes)[targets.ravel()]
        self.host_targets = targets.astype(self.dtype)

    def take_step(self, x, y, constants):
        loss = self.loss(self.outputs(x), y)
        gradients = loss.gradient(*self.parameters)
        changed = []
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            rate, correct1, correct2 = constants[0], constants[1], constants[2]
            if self.rule.name == "sgd":
                new_m = self.rule.momentum * m + g
                change = g + self.rule.momentum * new_m if self.rule.nesterov else new_m
                changed += [m.assign(new_m.contiguous())]
            else:
                new_m = m + (1 - self.rule.beta1) * (g - m)
                new_v = v + (1 - self.rule.beta2) * (g * g - v)
                change = (new_m / correct1) / ((new_v / correct2).sqrt() + self.rule.epsilon)
                changed += [m.assign(new_m.contiguous()), v.assign(new_v.contiguous())]
            changed.append(p.assign((p - rate * change).contiguous()))
        return loss.realize(*changed)

    def train(self, batches):
        self.step_losses = []
        for step, rate in enumerate(rates_of(self.rates, batches).tolist()):
            t = batches.first_step + step + 1
            one, two = (
                (1 - self.rule.beta1**t, 1 - self.rule.beta2**t)
                if self.rule.name == "adam"
                else (1, 1)
            )
            rows = batches.order[step]
            x = Tensor(self.host[rows]).contiguous().realize()
            y = Tensor(self.host_targets[rows]).contiguous().realize()
            constants = Tensor(np.array([rate, one, two], self.dtype)).contiguous().realize()
            step_function = (
                self.step if len(rows) == getattr(self, "size", len(rows)) else self.take_step
            )
            self.size = getattr(self, "size", len(rows))
            self.step_losses.append(float(step_function(x, y, constants).item()))

    def losses(self):
        return np.array(self.step_losses)

    def predict(self, rows):
        return self.outputs(Tensor(self.host[rows])).numpy()

    def weights(self):
        values = [p.numpy().copy() for p in self.parameters]
        return [Layer(*pair) for pair in zip(values[::2], values[1::2], strict=True)]

    def sync(self):
        Device[Device.DEFAULT].synchronize()
