"""How the learning rate goes over a run."""

import numpy as np

SCHEDULES = ("constant", "cosine", "one-cycle")
RISES = {"constant": 0.0, "cosine": 0.05, "one-cycle": 0.2}  # share of the steps until the peak


def warmup(schedule: str, steps: int) -> int:
    """After how many of a run's steps the learning rate is at its peak."""
    return max(1, round(RISES[schedule] * steps))


def learning_rates(schedule: str, peak: float, steps: int, at: np.ndarray) -> np.ndarray:
    """The learning rate at some steps of a run.

    Args:
        schedule: "constant"; "cosine": a short straight rise to the peak, then down to zero as half a cosine;
            "one-cycle": a longer straight rise, then straight down to zero.
        peak: the largest learning rate.
        steps: of the whole run.
        at: (n,) steps, counted from 0.

    Returns:
        (n,) float64.
    """
    at = np.asarray(at, np.float64)
    if schedule == "constant":
        return np.full(at.shape, peak)
    up = warmup(schedule, steps)
    if schedule == "one-cycle":
        return peak * np.clip(np.minimum(at / up, (steps - at) / max(1, steps - up)), 0, 1)
    fallen = np.clip((at - up) / max(1, steps - up), 0, 1)
    return peak * np.where(at < up, at / up, 0.5 * (1 + np.cos(np.pi * fallen)))
