"""The optimisers in JAX, written out as pure functions of pytrees. Formulas: samenet.spec.training.

A rule takes gradients and what the optimiser remembers, and returns what is subtracted from the
parameters and what it remembers now. Only what depends on the step number is an array: a row of
samenet.adapter.schedules.step_factors, so that a new value never means a new program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from samenet.adapter import Array
from samenet.spec import SGD, Adagrad, AdamConstants, Optimizer, RMSprop

Tree = Any
"""A pytree of arrays like the parameters: by place and name, or one vector of them all."""
Slots = tuple[Tree, ...]
"""What an optimiser remembers: as many trees as it needs."""


def new_slots(spec: Optimizer, parameters: Tree) -> Slots:
    """Return what the optimiser remembers at its start, as NumPy arrays."""
    start = spec.initial_accumulator if isinstance(spec, Adagrad) else 0.0
    count = 2 if isinstance(spec, AdamConstants) else 1
    if isinstance(spec, SGD) and not spec.momentum:
        count = 0

    def full(parameter: Array) -> Array:
        return np.full_like(parameter, start)

    return tuple(jax.tree.map(full, parameters) for _ in range(count))


def sgd(spec: SGD, g: Tree, slots: Slots, factors: jax.Array) -> tuple[Tree, Slots]:
    """Return the step of SGD, form "rate_outside"."""
    if spec.momentum:
        buffers = jax.tree.map(lambda b, g: spec.momentum * b + g, slots[0], g)
        slots = (buffers,)
        g = jax.tree.map(lambda b, g: g + spec.momentum * b if spec.nesterov else b, buffers, g)
    return jax.tree.map(lambda g: factors[0] * g, g), slots


def adam(spec: AdamConstants, g: Tree, slots: Slots, factors: jax.Array) -> tuple[Tree, Slots]:
    """Return the step of Adam and AdamW, form "standard"."""
    m = jax.tree.map(lambda m, g: m + (1 - spec.beta1) * (g - m), slots[0], g)
    v = jax.tree.map(lambda v, g: v + (1 - spec.beta2) * (g * g - v), slots[1], g)

    def step(m: jax.Array, v: jax.Array) -> jax.Array:
        return factors[1] * m / (jnp.sqrt(v) / factors[2] + spec.epsilon)

    return jax.tree.map(step, m, v), (m, v)


def rmsprop(spec: RMSprop, g: Tree, slots: Slots, factors: jax.Array) -> tuple[Tree, Slots]:
    """Return the step of RMSprop, form "epsilon_outside"."""
    v = jax.tree.map(lambda v, g: v + (1 - spec.rho) * (g * g - v), slots[0], g)
    return over_roots(g, v, spec.epsilon, factors), (v,)


def adagrad(spec: Adagrad, g: Tree, slots: Slots, factors: jax.Array) -> tuple[Tree, Slots]:
    """Return the step of Adagrad, form "epsilon_outside"."""
    a = jax.tree.map(lambda a, g: a + g * g, slots[0], g)
    return over_roots(g, a, spec.epsilon, factors), (a,)


def over_roots(g: Tree, squares: Tree, epsilon: float, factors: jax.Array) -> Tree:
    """Return gradients over the root of their running mean, or of their sum, of squares."""
    return jax.tree.map(lambda g, s: factors[0] * g / (jnp.sqrt(s) + epsilon), g, squares)


OPTIMIZERS: dict[str, Callable[..., tuple[Tree, Slots]]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def joined(layers: Tree) -> jax.Array:
    """Return all numbers of all layers in one vector."""
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(layers)])


def parted(vector: Any, like: Tree) -> Tree:
    """Return the layers of a vector, in the shapes of others."""
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([leaf.size for leaf in leaves]).tolist()
    pieces = [vector[end - leaf.size : end] for end, leaf in zip(ends, leaves, strict=True)]
    shaped = [piece.reshape(leaf.shape) for piece, leaf in zip(pieces, leaves, strict=True)]
    return jax.tree.unflatten(structure, shaped)


def update(
    spec: Optimizer,
    parameters: Tree,
    slots: Slots,
    gradients: Tree,
    factors: jax.Array,
    decayed: Tree,
) -> tuple[Tree, Slots]:
    """Take one step in the order of `OptimizerRule`; `decayed` tells which arrays are.

    Gradients are a tree of layers; parameters and slots are such trees, or all of them vectors.
    """
    vector = isinstance(parameters, jax.Array)
    layers = parted(parameters, gradients) if vector else parameters
    if spec.l2:
        gradients = plus_share(gradients, spec.l2, layers, decayed)
    if spec.clip_norm:
        gradients = clip_gradients(gradients, spec.clip_norm)
    changes = joined(gradients) if vector else gradients
    steps, slots = OPTIMIZERS[spec.name](spec, changes, slots, factors)
    if spec.weight_decay:  # beside the step: a factor 1 - rate * decay would round
        steps = parted(steps, gradients) if vector else steps
        steps = plus_share(steps, factors[0] * spec.weight_decay, layers, decayed)
        steps = joined(steps) if vector else steps
    return jax.tree.map(lambda w, step: w - step, parameters, steps), slots


def plus_share(changes: Tree, share: float | jax.Array, parameters: Tree, decayed: Tree) -> Tree:
    """Add a share of every array that is decayed to what belongs to it."""
    return jax.tree.map(
        lambda c, w, is_decayed: c + share * w if is_decayed else c, changes, parameters, decayed
    )


def clip_gradients(gradients: Tree, norm_max: float) -> Tree:
    """Shorten all gradients together to the norm allowed; without any, the factor is 1."""
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients)))
    factor = jnp.minimum(1.0, norm_max / norm)
    return jax.tree.map(lambda g: g * factor, gradients)
