"""The form on Train: a recipe, its settings, what a run will take, Start."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from mnistdash import exceptions
from mnistdash.data.dataset import Dataset
from mnistdash.runs import recipes, store, sweeps
from mnistdash.runs.config import (
    LEARNING_RATE_RANGE,
    MAX_BATCH_SIZE,
    MAX_DROPOUT,
    MAX_EPOCHS,
    MAX_SEED,
    PRECISIONS,
    RunConfig,
    configure,
    conflict,
    free_name,
)
from mnistdash.runs.recipes import Recipe
from mnistdash.runs.schedules import SCHEDULES
from mnistdash.runs.throughput import ThroughputCache
from mnistdash.text import format_duration
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.plots import training

FIELD = 130  # pixels, of a field of the form
WIDE = 2 * FIELD + 16  # pixels: as wide as two


def show(data: Dataset) -> None:
    """Ask for a recipe and its settings, and start the run, or a sweep of runs."""
    with st.container(horizontal=True):
        names = list(recipes.RECIPES)
        recipe = recipes.RECIPES[st.selectbox("Recipe", names, key="recipe", bind="query-params", width=WIDE)]
        name = _name(recipe)
    st.markdown(f"{recipe.summary} {recipe.reaches}")
    available = len(data.train) + (len(data.validation) if recipe.trains_on_validation else 0)
    available = min(available, resources.settings().images or available)
    settings = _fields(recipe, data, available)
    _schedule(recipe, settings, available)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        setting, typed = _sweep(recipe)
        settings["tensorboard"] = st.checkbox(
            "Logs for TensorBoard",
            key="tensorboard",
            bind="query-params",
            help="Written into the run's folder; watch them with `tensorboard --logdir models`.",
        )
    models = resources.settings().models

    def plan(**changed: object) -> RunConfig:
        return configure(recipe, models, **{"name": name, **settings, **changed})

    planned, objection = [], None
    plans = [plan]
    try:
        if setting is not None:
            keyword, values = sweeps.SETTINGS[setting].keyword, sweeps.values(setting, typed)
            each = [name and f"{name}-{number + 1}" for number in range(len(values))]
            plans = [partial(plan, name=one, **{keyword: value}) for one, value in zip(each, values, strict=True)]
        planned = [plan() for plan in plans]
        objection = next(filter(None, (conflict(config, available) for config in planned)), None)
        resources.jobs().check_limits(len(planned))
    except store.RunError as error:
        objection = str(error)
    if objection:
        widgets.show_error(objection, icon=":material/block:")
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Start {len(planned)} runs" if len(planned) > 1 else "Start"
        impossible = bool(objection) or not planned
        # A click is kept until it is obeyed: a look at the runs, which may begin anew at any time, must not lose it.
        clicked = partial(st.session_state.update, start_wanted=True)
        st.button(
            label, on_click=clicked, type="primary", icon=":material/play_arrow:", key="start", disabled=impossible
        )
        with st.container(key="estimate"):
            if not objection:
                _estimate(planned, data, available)
    if st.session_state.pop("start_wanted", False) and not impossible:
        submit(plans)


def submit(plans: Sequence[Callable[[], RunConfig]]) -> None:
    """Queue runs and choose the first, compared with the others; or say why not.

    Each plan is made when those before it have their folders, so that it finds a free name.
    """
    names = []
    try:
        for plan in plans:
            names.append(_submit(plan))
    except store.RunError as error:
        widgets.show_error(error)
        return
    st.session_state.next_run, *st.session_state.next_compared = names
    st.session_state.name_is_used = True
    st.rerun()


def _submit(plan: Callable[[], RunConfig]) -> str:
    """Queue a run and return its name."""
    while True:
        config = plan()
        try:
            resources.jobs().submit(config)
        except (
            exceptions.NameTakenError
        ):  # by another tab or server since it was planned; a name that was typed is refused
            continue
        return config.name


def _name(recipe: Recipe) -> str | None:
    """A field for the run's name; None for the recipe's and a number."""
    if st.session_state.pop("name_is_used", False):
        st.session_state.name = ""
    free = free_name(recipe.name, resources.settings().models)
    return st.text_input("Name", key="name", placeholder=free, max_chars=60, width=WIDE).strip() or None


def _fields(recipe: Recipe, data: Dataset, available: int) -> dict[str, object]:
    """The form's fields; their values as `configs.configure` takes them."""
    with st.container(horizontal=True):
        # Each recipe has widgets of its own, so that each keeps its own defaults and what was typed.
        epochs = _number(
            recipe,
            "Epochs",
            "epochs",
            (1, MAX_EPOCHS, recipe.epochs),
            placeholder=f"{recipe.steps:,} steps" if recipe.steps else None,
            help="An epoch is one pass over the training images.",
        )
        batch_size = _number(
            recipe, "Batch size", "batch", (1, MAX_BATCH_SIZE, recipe.batch_size), help="Images per step."
        )
        limit = _number(recipe, "Training images", f"limit-{data.name}", (100, available, available), step=1000)
        rate = _number(
            recipe,
            "Learning rate",
            "rate",
            (*LEARNING_RATE_RANGE, recipe.learning_rate),
            step=recipe.learning_rate / 10,
            format="%g",
            help="Its largest value, where a schedule changes it.",
        )
        schedule = _choice(recipe, "Schedule", SCHEDULES, recipe.schedule)
        optimizer = _choice(recipe, "Optimizer", recipes.OPTIMIZERS, recipe.optimizer)
        dropout = None
        if recipe.dropout is not None:
            dropout = _number(
                recipe,
                "Dropout",
                "dropout",
                (0.0, MAX_DROPOUT, recipe.dropout),
                step=0.05,
                format="%g",
                help="Share of the activations that are set to 0 at each step.",
            )
        augmentation = _choice(
            recipe,
            "Augmentation",
            ("on", "off"),
            "on" if recipe.augmentation else "off",
            help="Training images are moved, turned, bent and redrawn at random. This takes longer and reads drawings "
            "better.",
        )
        precision = _choice(
            recipe,
            "Precision",
            PRECISIONS,
            "auto",
            help="Half the bits, bfloat16, are faster on some processors. Auto measures both here.",
        )
        seed = _number(recipe, "Seed", "seed", (0, MAX_SEED, 0), help="The same seed repeats a run exactly.")
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "limit": limit if limit < available else None,
        "learning_rate": rate,
        "schedule": schedule,
        "optimizer": optimizer,
        "dropout": dropout,
        "augmentation": augmentation == "on",
        "precision": precision,
        "seed": seed,
    }


def _number(recipe: Recipe, label: str, name: str, limits: tuple, **options) -> float | None:
    """A field for a number: smallest, largest and first value."""
    key = f"{name}-{recipe.name}"
    return st.number_input(label, *limits, key=key, width=FIELD, bind="query-params", **options)


def _choice(recipe: Recipe, label: str, options: tuple[str, ...], default: str, help: str | None = None) -> str:
    """A field with a few values to choose from."""
    key = f"{label.lower()}-{recipe.name}"
    first = options.index(default)
    return st.selectbox(label, options, first, key=key, width=FIELD, bind="query-params", help=help)


def _schedule(recipe: Recipe, settings: dict, available: int) -> None:
    """The learning rate over the run to come."""
    images = settings["limit"] or available
    length = settings["epochs"] or recipe.epochs or recipe.steps * settings["batch_size"] / images
    chart = training.schedule_chart(settings["schedule"], settings["learning_rate"], length)
    with st.container(key="schedule_chart"):
        plotly_chart.chart(chart, key="schedule_plot", alt="Learning rate over the run to come")


def _sweep(recipe: Recipe) -> tuple[str | None, str]:
    """Fields for several values of one setting: which one (None for no sweep), and what was typed."""
    settings = [name for name in sweeps.SETTINGS if name != "Dropout" or recipe.dropout is not None]
    setting = st.selectbox(
        "Sweep",
        settings,
        index=None,
        key=f"sweep-{recipe.name}",
        placeholder="no setting",
        width=WIDE,
        help="Several values of one setting: a run for each is queued, and they are compared.",
    )
    if setting is None:
        return None, ""
    example = sweeps.SETTINGS[setting].example
    return setting, st.text_input("Values", key=f"values-{setting}", placeholder=example, width=WIDE)


def _estimate(planned: list[RunConfig], data: Dataset, available: int) -> None:
    """Say what the runs will take, as soon as this machine's speed is known."""
    speeds = ThroughputCache(resources.settings().cache)
    if not planned:
        st.caption("Values for the sweep, separated by commas.")
    elif all(speeds.get(config) for config in planned):
        known = [(config, speeds.get(config)) for config in planned]
        seconds = sum(speed.seconds(config, config.limit or available, len(data.validation)) for config, speed in known)
        config, speed = known[0]
        precision = speed.fastest if config.precision == "auto" else config.precision
        pace = config.batch_size / speed.step(config.precision)
        # Two digits: a run's own pace differs by more.
        st.caption(
            f"About {format_duration(seconds)} on this machine: {float(f'{pace:.2g}'):,.0f} images/s in {precision}."
        )
