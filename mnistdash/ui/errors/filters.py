"""Selection and order of the digits in the gallery."""

from collections.abc import Collection

import numpy as np

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.errors.query_state import (
    ALL,
    LEAST_CONFIDENT,
    MARKED,
    MISCLASSIFIED,
    MOST_CONFIDENT,
    QueryState,
)


def select_digits(result: Evaluation, query: QueryState, marked: Collection[int]) -> np.ndarray:
    """Return the digits that match a query, in its order.

    Args:
        result: a model's predictions for the split.
        query: the filter and the order.
        marked: indices of the annotated digits.

    Returns:
        (k,) int64 indices.
    """
    is_error = result.predicted != result.labels
    if query.show == MARKED:
        matches = np.isin(np.arange(len(is_error)), list(marked))
    elif query.show == ALL:
        matches = np.ones(len(is_error), bool)
    else:
        matches = is_error if query.show == MISCLASSIFIED else ~is_error
    if query.true is not None:
        matches = matches & (result.labels == query.true)
    if query.predicted is not None:
        matches = matches & (result.predicted == query.predicted)
    indices = np.flatnonzero(matches)
    sort_keys = {
        MOST_CONFIDENT: -result.confidence,
        LEAST_CONFIDENT: result.confidence,
        "loss": -result.losses,
        "margin": result.margins,
        "true": result.labels,
        "position": np.arange(len(is_error)),
    }
    return indices[np.argsort(sort_keys[query.order][indices], kind="stable")]
