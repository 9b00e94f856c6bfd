"""Form on Train: recipe, settings, sweep, estimate, Start."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.exceptions import RunError
from mnistdash.runs import recipes, sweeps
from mnistdash.runs.config import RunConfig, configure, conflict, free_name
from mnistdash.runs.recipes import Recipe
from mnistdash.runs.throughput import ThroughputCache, reference_speed, training_seconds
from mnistdash.text import format_duration
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.plots import training
from mnistdash.ui.train import fields
from mnistdash.ui.train.fields import WIDE

Plan = Callable[[], RunConfig]


def show(data: Dataset) -> None:
    """Show the form; start a run, or the runs of a sweep."""
    with st.container(horizontal=True):
        names = list(recipes.RECIPES)
        recipe = recipes.RECIPES[st.selectbox("Recipe", names, key="recipe", bind="query-params", width=WIDE)]
        name = _enter_name(recipe)
    st.markdown(f"{recipe.summary} {recipe.reaches}")
    available = len(data.train) + (len(data.validation) if recipe.trains_on_validation else 0)
    available = min(available, resources.settings().images or available)
    settings = {"name": name, **fields.show(recipe, data, available)}
    _show_schedule(recipe, settings, available)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        swept, typed = fields.show_sweep(recipe)
        help = fields.HELP["TensorBoard logs"]
        settings["tensorboard"] = st.checkbox("TensorBoard logs", key="tensorboard", bind="query-params", help=help)
    plans: list[Plan] = []
    planned: list[RunConfig] = []
    try:
        plans = _plan_runs(recipe, settings, swept, typed)
        planned = [plan() for plan in plans]
        refusal = next(filter(None, (conflict(config, available) for config in planned)), None)
        resources.jobs().check_limits(len(planned))
    except RunError as error:
        refusal = str(error)
    if refusal:
        widgets.show_error(refusal, icon=":material/block:")
    can_start = bool(planned) and not refusal
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f"Start {len(planned)} runs" if len(planned) > 1 else "Start"
        # Kept in the session: an update of the runs can interrupt this rerun and start another.
        request = partial(st.session_state.update, start_requested=True)
        icon = ":material/play_arrow:"
        st.button(text, icon=icon, key="start", type="primary", disabled=not can_start, on_click=request)
        with st.container(key="estimate"):
            if not refusal:
                _show_estimate(planned, data, available)
    if st.session_state.pop("start_requested", False) and can_start:
        submit(plans)


def submit(plans: Sequence[Plan]) -> None:
    """Queue runs, and show the first compared with the others; or show why they cannot be queued.

    Args:
        plans: return the settings of one run each; called in order, so that each finds a name that is still free.
    """
    names = []
    with widgets.guarded("Train, start"):
        for plan in plans:
            config = plan()
            resources.jobs().submit(config)
            names.append(config.name)
        st.session_state.next_run, *st.session_state.next_compared = names
        st.session_state.name_is_used = True
        st.rerun()


def _enter_name(recipe: Recipe) -> str | None:
    """Show a field for the run's name; return None for an automatic one."""
    if st.session_state.pop("name_is_used", False):
        st.session_state.name = ""
    free = free_name(recipe.name, resources.settings().models)
    return st.text_input("Name", key="name", placeholder=free, max_chars=60, width=WIDE).strip() or None


def _plan_runs(recipe: Recipe, settings: dict[str, Any], swept: str | None, typed: str) -> list[Plan]:
    """Return a plan for each value of the swept setting, or a single one without a sweep.

    Raises:
        RunError: the typed values are invalid.
    """
    changes: list[dict[str, Any]] = [{}]
    if swept is not None:
        name, keyword = settings["name"], sweeps.SETTINGS[swept].keyword
        changes = [
            {"name": name and f"{name}-{number}", keyword: value}
            for number, value in enumerate(sweeps.values(swept, typed), start=1)
        ]
    models = resources.settings().models
    return [partial(configure, recipe, models, **settings | changed) for changed in changes]


def _show_schedule(recipe: Recipe, settings: dict[str, Any], available: int) -> None:
    """Plot the learning rate of the planned run."""
    images = settings["limit"] or available
    length = settings["epochs"] or recipe.epochs or (recipe.steps or 0) * settings["batch_size"] / images
    chart = training.schedule_chart(settings["schedule"], settings["learning_rate"], length)
    with st.container(key="schedule_chart"):
        plotly_chart.chart(chart, key="schedule_plot", alt="Learning rate of the planned run")


def _show_estimate(planned: list[RunConfig], data: Dataset, available: int) -> None:
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
