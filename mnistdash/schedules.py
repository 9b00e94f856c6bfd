"""How the learning rate goes over a run."""

import numpy as np

SCHEDULES = ("constant", "cosine")
WARM_UP = 0.05  # share of the steps over which a cosine schedule first rises


def warm_up(steps: int) -> int:
    """Over how many of a run's steps a cosine schedule rises."""
    return max(1, round(WARM_UP * steps))


def learning_rates(schedule: str, peak: float, steps: int, at: np.ndarray) -> np.ndarray:
    """The learning rate at some steps of a run.

    Args:
        schedule: "constant", or "cosine": a short linear rise to the peak, then down to zero as half a cosine.
        peak: the largest learning rate.
        steps: of the whole run.
        at: (n,) steps, counted from 0.

    Returns:
        (n,) float64.
    """
    at = np.asarray(at, np.float64)
    if schedule == "constant":
        return np.full(at.shape, peak)
    rise = warm_up(steps)
    fallen = np.clip((at - rise) / max(1, steps - rise), 0, 1)
    return np.where(at < rise, peak * at / rise, peak * 0.5 * (1 + np.cos(np.pi * fallen)))
