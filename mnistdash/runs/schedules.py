"""Learning-rate schedules."""

import numpy as np

SCHEDULES = ("constant", "cosine", "one-cycle")
WARMUP = {"constant": 0.0, "cosine": 0.05, "one-cycle": 0.2}  # share of the steps before the peak


def learning_rates(schedule: str, peak: float, steps: int, at: np.ndarray) -> np.ndarray:
    """Return the learning rate at some steps of a run.

    "cosine" rises linearly to the peak and falls to zero along half a cosine. "one-cycle" rises linearly for longer and
    falls linearly to zero. Source of the latter: L. Smith and N. Topin, "Super-Convergence", 2018, without its slow
    last part.

    Args:
        schedule: one of SCHEDULES.
        peak: largest learning rate.
        steps: steps of the whole run.
        at: (n,) steps, counted from 0.

    Returns:
        (n,) float32.
    """
    at = np.asarray(at, np.float32)
    if schedule == "constant":
        return np.full(at.shape, peak, np.float32)
    warmup = max(1, round(WARMUP[schedule] * steps))
    left = np.clip((steps - at) / max(1, steps - warmup), 0, 1)  # share of the steps after the peak
    decay = left if schedule == "one-cycle" else 0.5 - 0.5 * np.cos(np.pi * left)
    return np.where(at < warmup, at / warmup, decay) * np.float32(peak)
