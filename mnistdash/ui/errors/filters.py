"""Which digits a gallery shows, and in which order."""

from collections.abc import Collection

import numpy as np

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.errors.query_state import ALL, LOSS, MARGIN, MARKED, MISREAD, POSITION, SURE, TRUE, UNSURE, QueryState


def select_digits(result: Evaluation, link: QueryState, marked: Collection[int]) -> np.ndarray:
    """The digits that a link asks for.

    Args:
        result: a model's answers over the split.
        link: which and in what order.
        marked: indices of the digits that carry a mark.

    Returns:
        (k,) int64 indices.
    """
    wrong = result.predicted != result.labels
    if link.show == MARKED:
        kept = np.isin(np.arange(len(wrong)), list(marked))
    elif link.show == ALL:
        kept = np.ones(len(wrong), bool)
    else:
        kept = wrong if link.show == MISREAD else ~wrong
    if link.true is not None:
        kept = kept & (result.labels == link.true)
    if link.predicted is not None:
        kept = kept & (result.predicted == link.predicted)
    chosen = np.flatnonzero(kept)
    return chosen[np.argsort(_keys(result, link.order)[chosen], kind="stable")]


def _keys(result: Evaluation, order: str) -> np.ndarray:
    """(n,) numbers by which the digits are sorted, the smallest first."""
    return {
        SURE: -result.confidence,
        UNSURE: result.confidence,
        LOSS: -result.losses,
        MARGIN: result.margins,
        TRUE: result.labels,
        POSITION: np.arange(len(result.labels)),
    }[order]
