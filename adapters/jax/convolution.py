"""The convolution of JAX, with gradients that are fast inside a loop as well.

XLA hands a convolution on a CPU to a library if rows come first and channels last, in what enters
and in the kernel. Gradients as JAX writes them have other orders; XLA turns those round, but in the
outermost computation only: inside `lax.scan` they are plain loops, 45 to 70 times slower. Here they
are written in the order that needs no turning, and are the same to the last bit.

https://github.com/jax-ml/jax/issues/12868
https://github.com/openxla/xla/blob/main/xla/service/cpu/conv_canonicalization.cc
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

Pairs = tuple[tuple[int, int], ...]
"""What stands before and after each axis; of a negative number, what is cut off."""


def correlate(
    x: jax.Array,
    kernel: jax.Array,
    paddings: Pairs,
    *,
    strides: tuple[int, ...] | None = None,
    x_apart: tuple[int, ...] | None = None,
    kernel_apart: tuple[int, ...] | None = None,
) -> jax.Array:
    """Return what a kernel (sizes..., channels, filters) makes of x (rows, places..., channels).

    Numbers of x and of the kernel may be moved apart, with zeros between them.
    """
    axes = "HW"[: x.ndim - 2]
    return lax.conv_general_dilated(
        x,
        kernel,
        strides or (1,) * len(axes),
        paddings,
        lhs_dilation=x_apart,
        rhs_dilation=kernel_apart,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def correlated(
    x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], paddings: Pairs
) -> jax.Array:
    """Return the cross-correlation of a layer."""
    return correlate(x, kernel, paddings, strides=strides)


def forward(
    x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], paddings: Pairs
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Return the cross-correlation, and what the way back needs."""
    return correlate(x, kernel, paddings, strides=strides), (x, kernel)


Gradients = tuple[jax.Array, jax.Array]
"""By x and by the kernel."""


def backward(
    strides: tuple[int, ...], paddings: Pairs, kept: tuple[jax.Array, jax.Array], above: jax.Array
) -> Gradients:
    """Return the gradients, `above` being that by the result; only what the device needs is kept.

    On a GPU, XLA knows JAX's own form as that of a gradient, for which its library has kernels.
    """
    return lax.platform_dependent(
        *kept,
        above,
        cpu=partial(rows_first, strides, paddings),
        default=partial(as_jax_does, strides, paddings),
    )


def as_jax_does(
    strides: tuple[int, ...], paddings: Pairs, x: jax.Array, kernel: jax.Array, above: jax.Array
) -> Gradients:
    """Return the gradients in the order of axes in which JAX writes them."""

    def of(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return correlate(x, kernel, paddings, strides=strides)

    by_x, by_kernel = jax.vjp(of, x, kernel)[1](above)
    return by_x, by_kernel


def rows_first(
    strides: tuple[int, ...], paddings: Pairs, x: jax.Array, kernel: jax.Array, above: jax.Array
) -> Gradients:
    """Return the gradients, rows first and channels last.

    By x: what is above, moved apart, with the kernel turned round. By the kernel: x with what is
    above, channels in the place of rows and rows in the place of channels.
    """
    axes = tuple(range(x.ndim - 2))
    around_above, around_x = [], []
    for axis in axes:
        length, size, before = x.shape[1 + axis], kernel.shape[axis], paddings[axis][0]
        reach = (above.shape[1 + axis] - 1) * strides[axis]
        around_above.append((size - 1 - before, length - 1 - reach + before))
        around_x.append((before, reach + size - length - before))
    turned = lax.rev(kernel, axes).swapaxes(-1, -2)
    by_x = correlate(above, turned, tuple(around_above), x_apart=strides)
    by_kernel = correlate(
        x.swapaxes(0, -1), jnp.moveaxis(above, 0, -2), tuple(around_x), kernel_apart=strides
    )
    return by_x, jnp.moveaxis(by_kernel, 0, -2)


correlated.defvjp(forward, backward)
