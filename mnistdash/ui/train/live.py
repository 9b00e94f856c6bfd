"""Live part of Train: the chosen run, a comparison and the list of runs."""

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.runs import comparison, store
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.plots import training
from mnistdash.ui.train import actions, run_panel

UPDATE_START = 0.4  # seconds between two updates before the first point
UPDATE_SHORTEST, UPDATE_LONGEST = 1, 10  # seconds, after it
UPDATE_IDLE = 5  # seconds, without an active run: another tab or the command line may start one
MAX_UPDATES = 60  # of a run, for all who watch it together: updates slow down training

STATUS = {
    "queued": ":material/schedule: queued",
    "running": ":material/play_circle: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/stop_circle: stopped",
    "failed": ":material/error: failed",
}


def show(data: Dataset) -> None:
    """Show the chosen run and the list of runs, and keep them up to date."""
    resources.jobs().keep_warm()
    runs, unreadable = store.scan_runs(resources.settings().models)
    for reason in unreadable:
        widgets.show_error(reason, icon=":material/folder_off:")
    if not runs:
        st.info("No runs yet. Start one to see its curves here.", icon=":material/show_chart:")
        return
    names = [run.name for run in runs]
    if (wanted := st.session_state.pop("next_run", None)) in names:
        st.session_state.run = wanted
    if wanted_others := [name for name in st.session_state.pop("next_compared", []) if name in names]:
        st.session_state.compared = wanted_others
    running = next((index for index, run in enumerate(runs) if run.status == "running"), 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Run", names, index=running, key="run", bind="query-params", width=230)
        actions.show(runs[names.index(name)])
    others = [other for other in names if other != name]
    compared = st.multiselect("Compare with", others, key="compared", bind="query-params") if others else []
    interval = update_interval(name, runs)
    st.fragment(_update, run_every=interval)(name, compared, _states(runs), interval, data)


@widgets.guarded("Train, an update")
def _update(name: str, compared: list[str], states: list[tuple[str, str]], interval: float, data: Dataset) -> None:
    """Show the current state of the runs; `states` and `interval` are those of the page around it."""
    jobs, runs = resources.jobs(), store.list_runs(resources.settings().models)
    if _states(runs) != states or update_interval(name, runs) != interval:
        st.rerun()  # the whole page
    jobs.keep_warm()
    by_name = {run.name: run for run in runs}
    with st.container(key="live"):
        run_panel.show(by_name[name], jobs, data)
        if compared:
            _show_comparison([by_name[name], *(by_name[other] for other in compared)])
        _show_list(runs)


def _states(runs: list[Run]) -> list[tuple[str, str]]:
    return [(run.name, run.status) for run in runs]


def update_interval(name: str, runs: list[Run]) -> float:
    """Return the seconds between two updates of a run and the list of runs."""
    run = next(run for run in runs if run.name == name)
    if not any(run.status in ACTIVE for run in runs):
        return UPDATE_IDLE
    if run.status not in ACTIVE:
        return UPDATE_SHORTEST
    watchers, history = resources.watchers(name), resources.history(run)
    if resources.jobs().state(run) == "running" and not history.batches:
        return UPDATE_START * watchers
    length = history.first_estimate or 0
    return min(UPDATE_LONGEST, max(UPDATE_SHORTEST, round(watchers * length / MAX_UPDATES)))


def _show_comparison(chosen: list[Run]) -> None:
    """Show the validation curves, settings and results of several runs side by side."""
    st.subheader("Comparison", anchor=False)
    names = [run.name for run in chosen]
    histories = {run.name: resources.history(run) for run in chosen}
    loss, accuracy = st.columns(2, gap="large")
    for column, what in ((loss, "loss"), (accuracy, "accuracy")):
        with column, st.container(key=f"{what}_comparison"):
            chart = training.comparison_chart(histories, what, st.session_state.get("log_scale", False))
            plotly_chart.chart(chart, key=f"{what}_comparison_plot", alt=f"Validation {what} of {', '.join(names)}")
    with st.container(key="comparison"):
        rows = [
            {"": f"**{name}**" if differs else name}
            | {run: f"**{value}**" if differs else value for run, value in zip(names, values, strict=True)}
            for name, values, differs in comparison.compare_settings(chosen)
        ]
        rows += [
            {"": name} | dict(zip(names, values, strict=True))
            for name, values in comparison.compare_results(chosen, list(histories.values()))
        ]
        st.table(rows, border="horizontal", hide_index=True)
    widgets.explain_star(chosen)
    st.caption("Settings that differ come first, in bold.")


def _show_list(all_runs: list[Run]) -> None:
    """Show the list of runs, newest first."""
    st.subheader("Runs", anchor=False)
    with st.container(key="runs"):
        rows = [
            {
                "Run": run.name,
                "Recipe": run.config.recipe,
                "Status": STATUS[run.status],
                "Validation accuracy": run.card.validation if run.card else "–",
                "Test accuracy": f"{run.card.test_accuracy:.2%}" if run.card else "–",
            }
            for run in all_runs
        ]
        st.table(rows, border="horizontal", hide_index=True)
        widgets.explain_star(all_runs)
