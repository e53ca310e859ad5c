"""The update of a step written out in place, as the compiled graph holds it.

Every form is that of torch.optim, so that both modes follow the same formulas of spec.training.
What depends on the step comes in as a tensor, a row of samenet.adapter.schedules.step_factors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from samenet.spec import SGD, Adagrad, AdamConstants, Optimizer, RMSprop

State = list[list[Tensor]]


def new_state(spec: Optimizer, parameters: Sequence[Tensor]) -> State:
    """Return, for every parameter, the tensors that its optimiser keeps."""
    if isinstance(spec, SGD):
        kept = 1 if spec.momentum else 0
    else:
        kept = 2 if isinstance(spec, AdamConstants) else 1
    start = spec.initial_accumulator if isinstance(spec, Adagrad) else 0.0
    return [[torch.full_like(p, start) for _ in range(kept)] for p in parameters]


def update(
    spec: Optimizer,
    parameters: Sequence[Tensor],
    decayed: Sequence[bool],
    state: State,
    gradients: Sequence[Tensor],
    factors: Tensor,
) -> None:
    """Take one step in the order of `OptimizerRule`; `decayed` tells the kernels."""
    if spec.l2:
        triples = zip(gradients, parameters, decayed, strict=True)
        gradients = [g + spec.l2 * p if shrinks else g for g, p, shrinks in triples]
    if spec.clip_norm:
        gradients = clip_gradients(gradients, spec.clip_norm)
    for p, shrinks, kept, gradient in zip(parameters, decayed, state, gradients, strict=True):
        if spec.weight_decay and shrinks:
            p.sub_(factors[0] * spec.weight_decay * p)  # 1 - rate * decay would round
        p.sub_(move(spec, kept, gradient, factors))


def clip_gradients(gradients: Sequence[Tensor], norm_max: float) -> list[Tensor]:
    """Return the gradients as torch.nn.utils.clip_grad_norm_ leaves them."""
    norms = torch.stack([torch.linalg.vector_norm(g) for g in gradients])
    factor = (norm_max / (torch.linalg.vector_norm(norms) + 1e-6)).clamp(max=1.0)
    return [g * factor for g in gradients]


def move(spec: Optimizer, kept: list[Tensor], g: Tensor, factors: Tensor) -> Tensor:
    """Return what is subtracted from a parameter."""
    if isinstance(spec, SGD):
        return factors[0] * momentum(spec, kept, g)
    if isinstance(spec, AdamConstants):
        return factors[1] * adam(spec, kept, g, factors[2])
    (squares,) = kept
    if isinstance(spec, RMSprop):
        squares.lerp_(g * g, 1 - spec.rho)
    else:
        squares.add_(g * g)
    return factors[0] * g / (squares.sqrt() + spec.epsilon)


def momentum(spec: SGD, kept: list[Tensor], g: Tensor) -> Tensor:
    """Return the direction of SGD, with the rate outside the buffer."""
    if not spec.momentum:
        return g
    (buffer,) = kept
    buffer.mul_(spec.momentum).add_(g)
    return g + spec.momentum * buffer if spec.nesterov else buffer


def adam(spec: AdamConstants, kept: list[Tensor], g: Tensor, root: Tensor) -> Tensor:
    """Return the direction of Adam's standard form but for the correction of its first moment."""
    m, v = kept
    m.lerp_(g, 1 - spec.beta1)
    v.lerp_(g * g, 1 - spec.beta2)
    return m / (v.sqrt() / root + spec.epsilon)
