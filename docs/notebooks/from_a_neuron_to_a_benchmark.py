# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a neuron to a benchmark
#
# One neuron, then layers, then learning, all by hand in NumPy; the same network in Keras,
# TensorFlow and PyTorch; at the end a fair comparison of them.
#
# You need Python and a little school mathematics (what a derivative is). Run the cells from top to
# bottom, a few minutes in all. Change numbers and run again: that is what a notebook is for.
#
#     pip install '.[notebook,keras,pytorch]'  # in a clone of samenet
#
# This notebook imports TensorFlow and PyTorch into one process, because you want to see both.
# samenet itself never does that: it gives each framework a process of its own, since two of them in
# one take each other's processors.

# %%
import inspect
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow greets at length

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from samenet.adapter import Layer
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import (
    derivative,
    logistic,
    loss_per_row,
    mean_loss,
    value,
)
from samenet.spec import Activation, Dense, Loss, Network

plt.rcParams.update({"figure.constrained_layout.use": True, "axes.grid": True, "grid.alpha": 0.2})

# %% [markdown]
# ## 1. One neuron
#
# A neuron multiplies each input by a weight, adds all of that and a bias: the *weighted sum*
# $z = x_1 w_1 + x_2 w_2 + \dots + b$. Then it applies an *activation*, a fixed curve.

# %%
x = np.array([0.5, -1.0, 2.0])  # three inputs
w = np.array([1.0, 0.5, 0.25])  # three weights
b = 0.1  # bias
z = x @ w + b  # the weighted sum
z, logistic(z)  # and the sigmoid of it

# %% [markdown]
# The usual activations, as samenet defines them, and their slopes. A slope near 0 will matter: what
# passes a flat curve hardly changes, and what hardly changes hardly learns.

# %% tags=["figure-activations"]
zs = np.linspace(-5, 5, 401)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for name in ("sigmoid", "tanh", "relu", "leaky_relu"):
    activation = Activation(name=name)
    left.plot(zs, value(activation, zs), label=name)
    right.plot(zs, derivative(activation, zs), label=name)
left.set(title="activation", xlabel="weighted sum z", ylim=(-1.5, 3))
right.set(title="its slope", xlabel="weighted sum z")
right.legend();

# %% [markdown]
# **Exercise 1.** What is the largest slope that the sigmoid has, and where?
#
# <details><summary>Answer</summary>1/4, at z = 0. Ten sigmoids in a row multiply a gradient by at
# most (1/4)¹⁰, a millionth.</details>

# %%
slopes = derivative(Activation(name="sigmoid"), zs)
zs[slopes.argmax()], slopes.max()

# %% [markdown]
# ## 2. Real data
#
# 569 tumours, 30 measured features each, benign (1) or malignant (0). A quarter is kept for the
# test: rows that the network never learns from. Every feature is brought to mean 0 and spread 1.

# %%
data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.25, random_state=0
)
scaler = StandardScaler().fit(X_train)  # learnt from the training rows alone
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
y_train, y_test = y_train[:, None].astype(float), y_test[:, None].astype(float)
X_train.shape, y_train.shape, X_test.shape


# %% [markdown]
# ## 3. The loss: how wrong is it?
#
# The sigmoid turns $z$ into a probability $p$. The *binary cross entropy* is $-\log p$ if the
# answer is yes and $-\log(1-p)$ if it is no: small if the network was right, large if it was sure
# and wrong. Its slope by $z$ is simply $p - y$.

# %% tags=["figure-loss"]
def cross_entropy(z, y):
    p = 1 / (1 + np.exp(-z))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for y, name in ((1, "the answer is yes"), (0, "the answer is no")):
    left.plot(zs, cross_entropy(zs, y), label=name)
    right.plot(zs, logistic(zs) - y, label=name)
left.set(title="loss of one row", xlabel="weighted sum z")
right.set(title="its slope: p − y", xlabel="weighted sum z")
left.legend();


# %% [markdown]
# ## 4. Backpropagation by hand, for one neuron
#
# By the chain rule, the slope of the loss by a weight is the slope by $z$ times the input:
# $\partial L/\partial w = x\,(p - y)$, averaged over the rows.

# %%
def forward(X, w, b):
    return X @ w + b  # (rows, 1)


def gradient(X, y, w, b):
    delta = (logistic(forward(X, w, b)) - y) / len(X)  # slope by z
    return X.T @ delta, delta.sum(axis=0)  # slope by w, by b


w, b = np.zeros((30, 1)), np.zeros(1)
by_w, by_b = gradient(X_train, y_train, w, b)

# %% [markdown]
# Is it right? Move one weight a little and see what the loss does.

# %%
step, moved = 1e-6, w.copy()
moved[0] += step
before = cross_entropy(forward(X_train, w, b), y_train).mean()
after = cross_entropy(forward(X_train, moved, b), y_train).mean()
(after - before) / step, by_w[0, 0]

# %% [markdown]
# And the same from samenet's oracle, the network against which it checks every framework:

# %%
neuron = Network(inputs=30, layers=(Dense(units=1, activation="identity"),))
binary = Loss(name="binary_cross_entropy")
batch = oracle.Batch(X_train, y_train)
found = oracle.gradient(neuron, binary, [Layer(w, b)], batch)
assert np.allclose(found.gradient[0].kernel, by_w, atol=1e-15)
found.loss, float(before)

# %% [markdown]
# ## 5. Gradient descent
#
# Walk downhill: subtract a small multiple of the gradient, again and again.

# %% tags=["figure-descent"]
losses = {"training rows": [], "test rows": []}
for _ in range(100):
    losses["training rows"].append(cross_entropy(forward(X_train, w, b), y_train).mean())
    losses["test rows"].append(cross_entropy(forward(X_test, w, b), y_test).mean())
    by_w, by_b = gradient(X_train, y_train, w, b)
    w, b = w - 0.5 * by_w, b - 0.5 * by_b

right_answers = ((forward(X_test, w, b) > 0) == y_test).mean()
axes = pd.DataFrame(losses).plot(figsize=(6, 3.2), xlabel="step", ylabel="loss")
axes.set_title(f"one neuron: {right_answers:.1%} of the test rows right");

# %% [markdown]
# **Exercise 2.** What happens with a rate of 50 instead of 0.5?
#
# <details><summary>Answer</summary>Each step jumps across the valley: the loss goes up and down,
# and the logarithm of a probability that has become exactly 0 is infinite.</details>

# %% [markdown]
# ## 6. Layers
#
# A layer is many neurons side by side: their weights are the columns of one matrix, the *kernel*.
# A network feeds the outputs of one layer into the next. Here is the whole forward pass of
# samenet's reference network; nothing is hidden.

# %%
print(inspect.getsource(oracle.outputs))

# %% [markdown]
# Backpropagation goes the other way: from the slope by the outputs to the slope by each kernel,
# multiplying by the kernel and by the slope of the activation on the way down.

# %%
print(inspect.getsource(oracle._backward))


# %% [markdown]
# Starting weights must differ from each other, or all neurons of a layer would learn the same.

# %%
def starting_weights(network, seed=0):
    """Glorot's uniform rule: the more connections, the smaller; see samenet.adapter.draws."""
    draw = np.random.default_rng(seed)
    limits = [(shape, np.sqrt(6 / sum(shape))) for shape in network.shapes]
    return [
        Layer(draw.uniform(-limit, limit, shape), np.zeros(shape[1])) for shape, limit in limits
    ]


def network_of(*hidden, inputs=30, activation="tanh"):
    layers = [Dense(units=units, activation=activation) for units in hidden]
    return Network(inputs=inputs, layers=(*layers, Dense(units=1, activation="identity")))


network = network_of(16)
weights = starting_weights(network)
network.parameters, [layer.kernel.shape for layer in weights]


# %%
def descend(network, loss, weights, batch, rate):
    """One step of gradient descent."""
    found = oracle.gradient(network, loss, weights, batch).gradient
    pairs = zip(weights, found, strict=True)
    return [Layer(w.kernel - rate * g.kernel, w.bias - rate * g.bias) for w, g in pairs]


def accuracy(network, weights, X, y):
    return float(((oracle.outputs(network, weights, X) > 0) == y).mean())


STEPS, RATE = 100, 0.5
by_hand, hand_losses = weights, []
for _ in range(STEPS):
    hand_losses.append(mean_loss(binary, oracle.outputs(network, by_hand, X_train), y_train))
    by_hand = descend(network, binary, by_hand, batch, RATE)
hand_losses[0], hand_losses[-1], accuracy(network, by_hand, X_test, y_test)

# %% [markdown]
# ## 7. Why the last layer is linear here
#
# Sigmoid (two classes) and softmax (several) turn outputs into probabilities. samenet calls them
# the *link*: they belong to the loss, not to the last layer. Left: softmax turns any three numbers
# into three shares of 1. Right: why it matters. A network that is sure and wrong has a loss of 150.
# If the probability is computed first, in float32, it is rounded to 0 and the loss is infinite.

# %% tags=["figure-links"]
sure = np.linspace(-150, 10, 161, dtype=np.float32)
with np.errstate(all="ignore"):
    naive = -np.log(1 / (1 + np.exp(-sure)))  # a probability first, then its logarithm
stable = loss_per_row(binary, sure[:, None], np.ones((161, 1), np.float32))  # from z at once

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
outputs = np.array([2.0, 1.0, -1.0])
shares = np.exp(outputs) / np.exp(outputs).sum()
left.bar(["2.0", "1.0", "−1.0"], shares)
left.set(title="softmax", xlabel="linear output", ylabel="probability")
right.plot(sure, stable, lw=4, alpha=0.4, label="from the linear output")
right.plot(sure, naive, "--", label="probability first")
right.set(title="loss where the answer is yes", xlabel="linear output z")
right.legend()
np.isinf(naive).sum(), np.isinf(stable).sum()

# %% [markdown]
# **Exercise 3.** Softmax of softmax is a common mistake: a softmax in the last layer *and* in the
# loss. What is the largest probability it can still give to one of ten classes?
#
# <details><summary>Answer</summary>e / (e + 9) = 23 %: the inputs of the second softmax lie between
# 0 and 1. The loss can never come near 0. In samenet it cannot be written down.</details>

# %%
perfect = np.eye(10)[0]
(np.exp(perfect) / np.exp(perfect).sum()).max()

# %% [markdown]
# ## 8. Overfitting and generalisation
#
# Another data set, a regression: 442 patients with diabetes, ten features, and how far the disease
# has gone a year later. The loss is the *mean squared error*.

# %%
table = load_diabetes()
X = StandardScaler().fit_transform(table.data)
y = ((table.target - table.target.mean()) / table.target.std())[:, None]
X_fit, X_new, y_fit, y_new = train_test_split(X, y, test_size=0.25, random_state=0)
squares = Loss(name="mean_squared_error")
X_fit.shape, X_new.shape

# %% [markdown]
# A large network and only forty training rows: it learns them by heart. The training loss goes to
# zero, the test loss turns and rises. The distance between the two is the *gap*.

# %%
large = network_of(64, 64, inputs=10)


def curves_of(rows, steps=800):
    """Return the training and the test loss before each step, and the last weights."""
    weights, curves = starting_weights(large, seed=1), []
    parts = ((rows.inputs, rows.targets), (X_new, y_new))
    for _ in range(steps):
        curves.append([mean_loss(squares, oracle.outputs(large, weights, x), t) for x, t in parts])
        weights = descend(large, squares, weights, rows, 0.02)
    return np.array(curves)


forty = curves_of(oracle.Batch(X_fit[:40], y_fit[:40]))
best = int(forty[:, 1].argmin())

# %% tags=["figure-overfitting"]
figure, axes = plt.subplots(figsize=(7, 3.6))
axes.plot(forty[:, 0], label="40 training rows")
axes.plot(forty[:, 1], label="test rows")
axes.fill_between(range(len(forty)), *forty.T, alpha=0.12)
axes.axvline(best, color="0.4", lw=1, ls=":")
axes.text(best + 10, 1.4, f"best on the test rows: step {best}")
axes.annotate("", (780, forty[780, 0]), (780, forty[780, 1]), arrowprops={"arrowstyle": "<->"})
axes.text(770, forty[780].mean(), "the gap", ha="right")
axes.set(xlabel="step", ylabel="loss", ylim=(0, 1.6))
axes.legend(loc="upper right");

# %% [markdown]
# **Exercise 4.** Give it all 331 training rows instead of 40. What becomes of the gap?

# %%
all_rows = curves_of(oracle.Batch(X_fit, y_fit))
gap = {name: c[-1, 1] - c[-1, 0] for name, c in (("40 rows", forty), ("331 rows", all_rows))}
assert gap["331 rows"] < gap["40 rows"] / 2
gap

# %% [markdown]
# ## 9. The same network in Keras
#
# `Sequential` builds it, `fit` trains it. For the same result everything must be the same: the
# starting weights, the rate, the batch (here: all rows at once), the loss from linear outputs.

# %%
import keras

keras_network = keras.Sequential(
    [keras.Input((30,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
)
keras_network.set_weights([part for layer in weights for part in layer.values()])
keras_network.compile(
    optimizer=keras.optimizers.SGD(RATE), loss=keras.losses.BinaryCrossentropy(from_logits=True)
)
history = keras_network.fit(
    X_train, y_train, batch_size=len(X_train), epochs=STEPS, shuffle=False, verbose=0
)
keras_losses = history.history["loss"]
keras_losses[0], keras_losses[-1]

# %% [markdown]
# ## 10. The same network in TensorFlow
#
# `GradientTape` records what is computed and plays it backwards: backpropagation.

# %%
import tensorflow as tf

variables = [tf.Variable(part, dtype=tf.float32) for layer in weights for part in layer.values()]
inputs, targets = tf.constant(X_train, tf.float32), tf.constant(y_train, tf.float32)


@tf.function
def tensorflow_step():
    kernel, bias, last_kernel, last_bias = variables
    with tf.GradientTape() as tape:
        hidden = tf.tanh(inputs @ kernel + bias)
        z = hidden @ last_kernel + last_bias
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=z))
    for variable, slope in zip(variables, tape.gradient(loss, variables), strict=True):
        variable.assign_sub(RATE * slope)
    return loss


tensorflow_losses = [float(tensorflow_step()) for _ in range(STEPS)]
tensorflow_losses[0], tensorflow_losses[-1]


# %% [markdown]
# ## 11. Side by side: parameters, loss, accuracy

# %%
def layers_of(arrays):
    arrays = [np.asarray(array, dtype=float) for array in arrays]
    return [Layer(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]


trained = {
    "NumPy, by hand": (by_hand, hand_losses),
    "Keras": (layers_of(keras_network.get_weights()), keras_losses),
    "TensorFlow": (layers_of(variables), tensorflow_losses),
}
side_by_side = pd.DataFrame(
    {
        name: {
            "parameters": sum(part.size for layer in found for part in layer.values()),
            "first loss": losses[0],
            "last loss": losses[-1],
            "test accuracy": accuracy(network, found, X_test, y_test),
            "distance of weights": oracle.distance(found, by_hand),
        }
        for name, (found, losses) in trained.items()
    }
).T
assert (side_by_side["distance of weights"] < 1e-4).all()
side_by_side

# %% tags=["figure-frameworks"]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
for (name, (_, losses)), style in zip(trained.items(), ("-", "--", ":"), strict=True):
    left.plot(losses, style, lw=3, alpha=0.7, label=name)
    if name != "NumPy, by hand":
        right.semilogy(np.abs(np.array(losses) / hand_losses - 1), style, label=name)
left.set(title="loss: three lines, one above the other", xlabel="step")
right.set(title="how far from NumPy, relative", xlabel="step")
left.legend()
right.legend();

# %% [markdown]
# They differ in the seventh digit: float32 against float64, no more. Whoever compares frameworks
# and sees other curves compares other networks.
#
# ## 12. A regression in PyTorch
#
# The patients of section 8 once more, in a small network. `backward()` is backpropagation.

# %%
import torch

regression = network_of(16, inputs=10)
beginning = starting_weights(regression)
arrays = [array for layer in beginning for array in layer.values()]
parts = [torch.tensor(array, dtype=torch.float32, requires_grad=True) for array in arrays]
rows, wanted = (torch.tensor(a, dtype=torch.float32) for a in (X_fit, y_fit))


# %%
def torch_outputs(rows):
    kernel, bias, last_kernel, last_bias = parts
    return torch.tanh(rows @ kernel + bias) @ last_kernel + last_bias


torch_losses = []
for _ in range(STEPS):
    loss = ((torch_outputs(rows) - wanted) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for part in parts:
            part -= 0.05 * part.grad
            part.grad = None
    torch_losses.append(loss.item())

# %% [markdown]
# By hand it is again the same loop, with another loss:

# %%
found, regression_losses = beginning, []
for _ in range(STEPS):
    regression_losses.append(mean_loss(squares, oracle.outputs(regression, found, X_fit), y_fit))
    found = descend(regression, squares, found, oracle.Batch(X_fit, y_fit), 0.05)
assert np.allclose(torch_losses, regression_losses, rtol=1e-4)

# %% tags=["figure-regression"]
predicted = torch_outputs(torch.tensor(X_new, dtype=torch.float32)).detach().numpy()
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
left.plot(regression_losses, lw=4, alpha=0.4, label="NumPy, by hand")
left.plot(torch_losses, "--", label="PyTorch")
left.set(title="mean squared error", xlabel="step")
left.legend()
right.scatter(y_new, predicted, s=14)
right.axline((0, 0), slope=1, color="0.5", lw=1)
right.set(title="test rows", xlabel="true value (scaled)", ylabel="predicted");

# %% [markdown]
# ## 13. Which activation? Ask by experiment
#
# The same starting weights, the same batches, another activation; five seeds each; then ten layers;
# then a large learning rate. What is said below the tables is computed, and where the seeds overlap
# nothing is said.

# %% tags=["figure-study"]
import samenet

study = samenet.study_activations("two_moons", activations=("sigmoid", "relu", "leaky_relu"))
study

# %%
rows = study.frame()
first = rows.query("scene == 'deep' and quantity == 'gradient' and epoch == 0 and layer == 1")
first.groupby("choice").value.median()

# %% [markdown]
# **Exercise 5.** Why can a leaky ReLU not die?
#
# <details><summary>Answer</summary>Its slope is 0.01 where ReLU's is 0: some gradient always comes
# back, so the unit can return.</details>

# %% [markdown]
# ## 14. A fair comparison
#
# `samenet.run` gives every framework the same starting weights, batches and formulas, checks that,
# and only then takes the time: each in processes of its own. Beside that it trains each framework's
# own first example (left), where starting weights and settings differ, and so do the curves.

# %% tags=["figure-benchmark"]
result = samenet.run(
    np.vstack([X_train, X_test]),
    np.vstack([y_train, y_test]).ravel(),
    training=samenet.Training(hidden=(16,), epochs=20),
    frameworks=("numpy", "keras", "pytorch"),
    name="from-a-neuron",
)
result

# %% [markdown]
# The numbers are tidy frames: one row per process and quantity.

# %% tags=["figure-times"]
import seaborn as sns

times = result.frame()
figure, panels = plt.subplots(1, 2, figsize=(10, 2.4))
for axes, quantity in zip(panels, ("start_up", "epoch"), strict=True):
    sns.stripplot(times[times.quantity == quantity], x="seconds", y="arm", ax=axes)
    axes.set(title=quantity, ylabel="", xlim=(0, None))

# %%
scores = result.scores().query("track == 'same' and split == 'test' and metric == 'accuracy'")
scores[scores.epoch == scores.epoch.max()].groupby("arm").value.agg(["mean", "min", "max"])

# %% [markdown]
# The accuracies are the same, because the network is the same; only the time differs. Is the
# difference worth anything to you?

# %%
result.advice()
