"""Rows whose numbers stand in places: images and sequences, and rows of token numbers.

They have no columns of their own to be typed and filled: all are numbers, none may be missing. A
channel is scaled as a whole, so that what moves in an image stays what it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from samenet.errors import UsageError
from samenet.spec import DataSpec


def numbers_in_places(features: pd.DataFrame, data: DataSpec) -> pd.DataFrame:
    """Return the columns as float32, which holds every token number exactly.

    Raises UsageError if they are not numbers, if one is missing, infinite or no token, or if they
    are not as many as data.shape has places.
    """
    count = features.shape[1]
    if data.shape and math.prod(data.shape) != count:
        raise UsageError(
            f"{data.source} has {count} columns to predict from, and data.shape = "
            f"{list(data.shape)} has {math.prod(data.shape)} places."
        )
    for name, dtype in features.dtypes.items():
        if not is_numeric_dtype(dtype):
            raise UsageError(f"{data.source}: column '{name}' holds texts; a place holds a number.")
    values = features.to_numpy(np.float32)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise UsageError(
            f"{data.source}: column '{features.columns[column]}' has no number in row {row + 1}."
        )
    if data.vocabulary:
        _check_tokens(values, data)
    return pd.DataFrame(values, columns=features.columns)


def _check_tokens(values: NDArray[np.float32], data: DataSpec) -> None:
    wrong = (values < 0) | (values >= data.vocabulary) | (values != np.floor(values))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise UsageError(
            f"{data.source}: row {row + 1} holds the token {values[row, column]:g}; with "
            f"data.vocabulary = {data.vocabulary} tokens are whole numbers from 0 to "
            f"{data.vocabulary - 1}."
        )


def scale_in_places(
    values: NDArray[Any], train: NDArray[np.int64], data: DataSpec
) -> tuple[NDArray[Any], str]:
    """Return the rows as every framework sees them, and a sentence on what was done.

    Numbers get mean 0 and deviation 1 of the training rows, a channel at a time; tokens stay.
    """
    if data.vocabulary:
        said = f"A row is {values.shape[1]} token numbers of {data.vocabulary}, left as they are."
        return values.astype(np.int32), said
    channels = values.reshape(len(values), -1, data.shape[-1]) if len(data.shape) > 1 else values
    axes = tuple(range(channels.ndim - 1))
    mean = channels[train].mean(axis=axes, dtype=np.float64)
    deviation = channels[train].std(axis=axes, dtype=np.float64)
    deviation[deviation == 0] = 1  # a channel that is constant stays so
    scaled = ((channels - mean) / deviation).astype(np.float32)
    shape = " × ".join(map(str, data.shape))
    said = f"A row is {shape}; a channel has mean 0 and deviation 1 over all training rows."
    return np.ascontiguousarray(scaled.reshape(values.shape)), said
