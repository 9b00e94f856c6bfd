"""The training time that the form on Train announces."""

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.runs.config import RunConfig
from mnistdash.runs.throughput import ThroughputCache, reference_speed, training_seconds
from mnistdash.text import format_duration
from mnistdash.ui import resources


def show(planned: list[RunConfig], data: Dataset, available: int) -> None:
    """Show how long the planned runs will take together, and how this is known.

    Args:
        planned: settings of the runs; none if the values of a sweep are missing.
        data: that they train on.
        available: number of digits that they can train on.
    """
    if not planned:
        st.caption("Separate the values with commas.")
        return
    throughput = ThroughputCache(resources.settings().cache)
    recorded = [throughput.images_per_second(config) for config in planned]
    seconds = sum(
        training_seconds(config, speed or reference_speed(config), config.limit or available, len(data.validation))
        for config, speed in zip(planned, recorded, strict=True)
    )
    about = f"About {format_duration(seconds)}"
    if None in recorded:
        st.caption(f"{about} on a 2-core machine.")
    else:
        speed = float(f"{recorded[0]:.2g}")  # the speed of runs varies by more
        st.caption(f"{about}, based on earlier runs on this machine: {speed:,.0f} images/s.")
