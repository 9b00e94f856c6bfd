"""Train: choose a recipe, start it, watch it learn, stop it."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnistdash import charts, comparison, configs, events, exports, history, recipes, runs, ui
from mnistdash.datasets import Dataset
from mnistdash.history import History
from mnistdash.jobs import Jobs
from mnistdash.schedules import SCHEDULES

FIELD = 130  # pixels, of a field of the form
HEADING = 48  # pixels
REFRESH = 1.0  # seconds between two looks while a run is active
REFRESH_IDLE = 5.0  # seconds, to notice one that another tab or the command line starts
STATUS = {
    "queued": ":material/schedule: queued",
    "running": ":material/play_circle: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/stop_circle: stopped",
    "failed": ":material/error: failed",
}


def form(data: Dataset) -> None:
    """Ask for a recipe and its settings, and start the run."""
    names = list(recipes.RECIPES)
    recipe = recipes.RECIPES[st.selectbox("Recipe", names, key="recipe", persist_state="session", width=320)]
    st.markdown(f"{recipe.summary} {recipe.reaches}")
    available = len(data.train) + (len(data.validation) if recipe.trains_on_validation else 0)
    # Each recipe has widgets of its own, so that each keeps its own defaults and what was typed.
    with st.container(horizontal=True):
        epochs = st.number_input(
            "Epochs",
            1,
            1000,
            recipe.epochs,
            placeholder=f"{recipe.steps:,} steps" if recipe.steps else None,
            key=f"epochs-{recipe.name}",
            width=FIELD,
            help="An epoch is one pass over the training images.",
        )
        batch_size = st.number_input(
            "Batch size", 1, 4096, recipe.batch_size, key=f"batch-{recipe.name}", width=FIELD, help="Images per step."
        )
        limit = st.number_input(
            "Training images", 100, available, available, 1000, key=f"limit-{recipe.name}-{data.name}", width=FIELD
        )
        rate = st.number_input(
            "Learning rate",
            1e-6,
            10.0,
            recipe.learning_rate,
            step=recipe.learning_rate / 10,
            format="%g",
            key=f"rate-{recipe.name}",
            width=FIELD,
            help="Its largest value, where a schedule changes it.",
        )
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 0, key=f"seed-{recipe.name}", width=FIELD, help="The same seed repeats a run exactly."
        )
        schedule = choose("Schedule", SCHEDULES, recipe.schedule, f"schedule-{recipe.name}")
        optimizer = choose("Optimizer", recipes.OPTIMIZERS, recipe.optimizer, f"optimizer-{recipe.name}")
        augmentation = choose(
            "Augmentation",
            ("on", "off"),
            "on" if recipe.augmentation else "off",
            f"augmentation-{recipe.name}",
            help="Training images are moved, turned, bent and redrawn at random. This takes longer and reads drawings "
            "better.",
        )
        precision = choose(
            "Precision",
            configs.PRECISIONS,
            "float32",
            f"precision-{recipe.name}",
            help="Half the bits, bfloat16, can be faster on recent processors.",
        )
    with st.container(key="schedule_chart"):
        length = epochs or recipe.epochs or recipe.steps * batch_size / limit
        ui.chart(
            charts.schedule_chart(schedule, rate, length), key="schedule_plot", alt="Learning rate over the run to come"
        )
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="start"):
        submit(
            lambda: configs.configure(
                recipe,
                ui.settings().models,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=rate,
                seed=seed,
                limit=limit if limit < available else None,
                precision=precision,
                schedule=schedule,
                optimizer=optimizer,
                augmentation=augmentation == "on",
            )
        )


def submit(configure: Callable[[], configs.RunConfig]) -> None:
    """Queue a run and choose it, or say why not."""
    try:
        config = configure()
        ui.jobs().submit(config)
    except runs.RunError as error:
        st.error(str(error))
        return
    st.session_state.next_run = config.name
    st.rerun()


def choose(label: str, options: tuple[str, ...], default: str, key: str, help: str | None = None) -> str:
    """A field of the form with a few values to choose from."""
    return st.selectbox(label, options, index=options.index(default), key=key, width=FIELD, help=help)


def watch(all_runs: list[runs.Run]) -> None:
    """Show one run, growing while it trains, and the list of all."""
    if not all_runs:
        st.info("No run yet. Start one above, and its curves appear here.", icon=":material/show_chart:")
        return
    names = [run.name for run in all_runs]
    if (wanted := st.session_state.pop("next_run", None)) in names:
        st.session_state.run = wanted
    default = next((i for i, run in enumerate(all_runs) if run.status == "running"), 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Run", names, index=default, key="run", bind="query-params", width=230)
        run = next(run for run in all_runs if run.name == name)
        with st.popover("Download", icon=":material/download:", key="downloads"):
            downloads(run)
        with st.popover("Continue", icon=":material/resume:", key="continuing", disabled=not can_continue(run)):
            ask_continue(run)
        with st.popover("Rename", icon=":material/edit:", key="renaming", disabled=is_fixed(run)):
            ask_name(run)
        if st.button("Delete", icon=":material/delete:", key="delete", disabled=is_fixed(run)):
            ask_delete(run)
    others = [other for other in names if other != name]
    compared = st.multiselect("Compare with", others, key="compared") if others else []
    active = is_any_active(all_runs)
    st.fragment(live, run_every=REFRESH if active else REFRESH_IDLE)(name, compared, names, active)


def is_fixed(run: runs.Run) -> bool:
    """Whether a run can be neither renamed nor deleted now."""
    return run.name == runs.SHIPPED or run.status in runs.ACTIVE


def downloads(run: runs.Run) -> None:
    """Buttons for what a run leaves; each file is read or made when its button is pressed."""

    def offer(label: str, file_name: str, data: Callable[[], bytes | str], mime: str) -> None:
        st.download_button(label, data, file_name, mime, key=f"download-{label}", on_click="ignore", width="stretch")

    if run.card is not None:
        for label, file in (("Keras", runs.KERAS), ("LiteRT", runs.TFLITE)):
            suffix = Path(file).suffix
            path = run.folder / file
            offer(f"{label} ({suffix})", f"{run.name}{suffix}", path.read_bytes, "application/octet-stream")
        offer("SavedModel (.zip)", f"{run.name}.zip", lambda: exports.saved_model_zip(run), "application/zip")
    offer("History (.csv)", f"{run.name}.csv", lambda: history.epochs_csv(events.read(run.folder)[0]), "text/csv")
    if run.card is not None:
        st.caption("A SavedModel takes TensorFlow some seconds to make.")


def can_continue(run: runs.Run) -> bool:
    """Whether a run has weights to go on from, and a recipe that says how."""
    return run.card is not None and run.config.recipe in recipes.RECIPES and run.status not in runs.ACTIVE


def ask_continue(run: runs.Run) -> None:
    """Fields for how to go on from a run's best weights, in a run of its own."""
    st.markdown(f"A new run with the settings of {run.name} begins with its best weights.")
    with st.form(f"continue-{run.name}", border=False):
        epochs = st.number_input("More epochs", 1, 1000, 5)
        rate = st.number_input("Learning rate", 1e-6, 10.0, max(1e-6, run.config.learning_rate / 2), format="%g")
        if not st.form_submit_button("Start", type="primary"):
            return
    submit(lambda: configs.continued(run.config, ui.settings().models, epochs=epochs, learning_rate=rate))


def ask_name(run: runs.Run) -> None:
    """A field for another name."""
    with st.form(f"rename-{run.name}", border=False):
        name = st.text_input("New name", run.name, max_chars=64)
        if not st.form_submit_button("Rename"):
            return
    try:
        runs.rename(run, name.strip())
    except runs.RunError as error:
        st.error(str(error))
        return
    st.session_state.next_run = name.strip()
    st.rerun()


@st.dialog("Delete this run?")
def ask_delete(run: runs.Run) -> None:
    """Delete a run once the user has said so again."""
    st.markdown(f"The weights and curves of **{run.name}** will be gone for good.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_now"):
            try:
                runs.remove(run)
            except runs.RunError as error:
                st.error(str(error))
                return
            st.rerun()
        if st.button("Keep it", key="keep"):
            st.rerun()


def live(name: str, compared: list[str], names: list[str], was_active: bool) -> None:
    """The part that is drawn anew by itself, also for what is started elsewhere."""
    all_runs = runs.list_runs(ui.settings().models)
    if [run.name for run in all_runs] != names or is_any_active(all_runs) != was_active:
        st.rerun()  # the rest of the page is out of date, too
    by_name = {run.name: run for run in all_runs}
    show_run(by_name[name], ui.jobs())
    if compared:
        compare([by_name[name], *(by_name[other] for other in compared)])
    show_list(all_runs)


def is_any_active(all_runs: list[runs.Run]) -> bool:
    """Whether any run trains or waits to."""
    return any(run.status in runs.ACTIVE for run in all_runs)


def show_run(run: runs.Run, jobs: Jobs) -> None:
    """Progress, figures and curves of one run."""
    so_far = History.of(events.read(run.folder)[0])
    # A process begins before its first event, and may outlive its last by a moment.
    state = jobs.state(run.name) if run.status in runs.ACTIVE else None
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="progress", width="stretch"):
            st.progress(1.0 if run.status == "finished" else so_far.fraction, progress_text(run, so_far, state))
        st.button(
            "Stop",
            icon=":material/stop:",
            key="stop",
            disabled=state not in ("queued", "running"),
            on_click=jobs.stop,
            args=(run.name,),
        )
    if run.status == "failed":
        reason, _, log = run.reason.partition("\n")
        st.error(reason, icon=":material/error:")
        if log:
            st.code(log, language=None, wrap_lines=True)
    recipe = recipes.RECIPES.get(run.config.recipe)
    published = recipe.published if recipe else None
    loss, accuracy = st.columns(2, gap="large")
    with loss, st.container(key="loss_chart"):
        with heading("Loss"):
            log = st.toggle("Log scale", key="log_scale", persist_state="session")
        ui.chart(charts.loss_chart(so_far, log), key="loss_plot", alt=f"Loss of {run.name}")
    with accuracy, st.container(key="accuracy_chart"):
        heading("Accuracy")
        ui.chart(charts.accuracy_chart(so_far, published), key="accuracy_plot", alt=f"Accuracy of {run.name}")


def compare(chosen: list[runs.Run]) -> None:
    """The validation curves of several runs over one another, and their settings and figures side by side."""
    st.subheader("Comparison", anchor=False)
    names = [run.name for run in chosen]
    histories = {run.name: History.of(events.read(run.folder)[0]) for run in chosen}
    loss, accuracy = st.columns(2, gap="large")
    for column, what in ((loss, "loss"), (accuracy, "accuracy")):
        with column, st.container(key=f"{what}_comparison"):
            chart = charts.comparison_chart(histories, what, st.session_state.get("log_scale", False))
            ui.chart(chart, key=f"{what}_comparison_plot", alt=f"Validation {what} of {', '.join(names)}")
    with st.container(key="comparison"):
        rows = [
            {"": f"**{name}**" if differs else name}
            | {run: f"**{value}**" if differs else value for run, value in zip(names, values, strict=True)}
            for name, values, differs in comparison.settings(chosen)
        ]
        rows += [
            {"": name} | dict(zip(names, values, strict=True))
            for name, values in comparison.figures(chosen, list(histories.values()))
        ]
        st.table(rows, border="horizontal", hide_index=True)
    st.caption("Settings in which the runs differ come first, in bold.")


def heading(text: str) -> DeltaGenerator:
    """The heading of a chart, as high with something beside it as without."""
    row = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=HEADING, border=False
    )
    row.subheader(text, anchor=False)
    return row


def progress_text(run: runs.Run, so_far: History, state: str | None) -> str:
    """One line on how far a run is; `state` is what `Jobs.state` says of it."""
    if state == "stopping":
        return "Stopping: the best weights are kept."
    if run.status == "queued" and state != "running":
        return "Queued: it starts when the run before it has ended."
    if run.card is not None:
        return (
            f"{run.status.capitalize()}. Best epoch {run.card.best_epoch}: validation accuracy "
            f"{run.card.validation_accuracy:.2%}, test accuracy {run.card.test_accuracy:.2%}."
        )
    if run.status not in runs.ACTIVE:
        return f"{run.status.capitalize()}. There is no model."
    if so_far.phase in ("waiting", "starting"):
        return "Starting: the data and TensorFlow are loaded."
    if so_far.seconds_left is None:
        return f"Epoch 1 of {so_far.epochs_planned}: the first steps."
    if so_far.step >= so_far.steps:
        return "Scoring and exporting the best epoch."
    rate = "" if so_far.learning_rate is None else f" · learning rate {so_far.learning_rate:.2g}"
    return (
        f"Epoch {so_far.epoch} of {so_far.epochs_planned}, step {so_far.step:,} of {so_far.steps:,} · "
        f"{duration(so_far.seconds_left)} left · {so_far.images_per_second:,.0f} images/s{rate}"
    )


def duration(seconds: float) -> str:
    """Rounded the way one would say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show_list(all_runs: list[runs.Run]) -> None:
    """The list of runs, newest first."""
    st.subheader("Runs", anchor=False)
    with st.container(key="runs"):
        st.table(
            [
                {
                    "Run": run.name,
                    "Recipe": run.config.recipe,
                    "Status": STATUS[run.status],
                    "Validation accuracy": f"{run.card.validation_accuracy:.2%}" if run.card else "–",
                    "Test accuracy": f"{run.card.test_accuracy:.2%}" if run.card else "–",
                }
                for run in all_runs
            ],
            border="horizontal",
            hide_index=True,
        )


ui.page("Train")
st.title("Train", anchor=False)
form(ui.dataset())
st.divider()
watch(runs.list_runs(ui.settings().models))
