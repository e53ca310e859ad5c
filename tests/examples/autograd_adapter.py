"""HIPS autograd, which does not come with samenet: gradients of plain NumPy code, in one file."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import expit, logsumexp
from threadpoolctl import threadpool_info

from samenet.adapter import Capabilities, Layer
from samenet.adapter.schedules import learning_rates, rates_of

ADAPTER = {
    "name": "autograd",
    "title": "Autograd",
    "modes": {
        "grad": {
            "why": "loss and gradient in one pass by value_and_grad, weights and data as arrays",
            "source": "https://github.com/HIPS/autograd/blob/master/examples/neural_net.py",
        }
    },
    "imports": ["autograd"],
    "distributions": ["autograd", "numpy", "scipy"],
}
ACTIVATIONS = {"relu": lambda z: z * (z > 0), "sigmoid": expit, "tanh": np.tanh}
LOSSES = {
    "binary_cross_entropy": lambda z, y: (np.logaddexp(0.0, z) - y * z).mean(),
    "sparse_categorical_cross_entropy": lambda z, y: (logsumexp(z, 1) - z[range(len(y)), y]).mean(),
    "mean_squared_error": lambda z, y: ((z - y) ** 2).mean(),
}


def capabilities():
    offers = {"optimizers": ("sgd", "adam"), "parts": ("schedule",), "dropout": False}
    offers |= {"activations": (*ACTIVATIONS, "identity"), "losses": tuple(LOSSES)}
    return Capabilities(devices=("cpu",), dtypes=("float32", "float64"), **offers)


def wake(target):
    value_and_grad(np.sum)(np.ones((8, 8), target.dtype))


def build(network, training, weights, *, target, mode):
    return _Program(network, training, weights, target.dtype)


def read_back(program, target):
    threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {"threads": max(threads, default=1), "device": "cpu", "compiler": "none"}


class _Program:
    def __init__(self, network, training, weights, dtype):
        self.dtype, self.rule, self.rates = dtype, training.optimizer, learning_rates(training)
        names = [layer.activation.name for layer in network.layers]
        self.functions = [ACTIVATIONS.get(name, lambda z: z) for name in names]
        self.parameters = [p.astype(dtype) for layer in weights for p in (layer.kernel, layer.bias)]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        loss = LOSSES[training.loss.name]
        self.gradients = value_and_grad(lambda p, x, y: loss(self.outputs(p, x), y))

    def outputs(self, parameters, values):
        for layer, function in enumerate(self.functions):
            kernel, bias = parameters[2 * layer : 2 * layer + 2]
            values = function(np.dot(values, kernel) + bias)
        return values

    def load(self, source):
        self.inputs, targets = source.inputs.astype(self.dtype), source.targets
        self.targets = targets if targets.dtype.kind == "i" else targets.astype(self.dtype)

    def train(self, batches):
        self.step_losses = []
        for step, rate in enumerate(rates_of(self.rates, batches).tolist()):
            rows = batches.order[step]
            loss, found = self.gradients(self.parameters, self.inputs[rows], self.targets[rows])
            for p, g, (m, v) in zip(self.parameters, found, self.moments, strict=True):
                p -= rate * self.update(g, m, v, batches.first_step + step + 1)
            self.step_losses.append(loss)

    def update(self, g, m, v, t):
        rule = self.rule
        if rule.name == "sgd":
            m[...] = rule.momentum * m + g
            return g + rule.momentum * m if rule.nesterov else m
        m += (1 - rule.beta1) * (g - m)
        v += (1 - rule.beta2) * (g * g - v)
        return m / (1 - rule.beta1**t) / (np.sqrt(v / (1 - rule.beta2**t)) + rule.epsilon)

    def losses(self):
        return np.array(self.step_losses)

    def predict(self, rows):
        return self.outputs(self.parameters, self.inputs[rows])

    def weights(self):
        copies = [p.copy() for p in self.parameters]
        return [Layer(*pair) for pair in zip(copies[::2], copies[1::2], strict=True)]

    def sync(self):
        """NumPy has finished when it returns."""
