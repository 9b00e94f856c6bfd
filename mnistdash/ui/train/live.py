"""Live part of Train: the chosen run, a comparison and the list of runs."""

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.runs import store
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.train import actions, run_panel, tables

UPDATE_START = 0.4  # seconds between two updates before the first point
UPDATE_SHORTEST, UPDATE_LONGEST = 1, 10  # seconds, after it
UPDATE_IDLE = 5  # seconds, without an active run: another tab or the command line may start one
MAX_UPDATES = 60  # of a run, for all who watch it together: updates slow down training


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
            tables.compare([by_name[name], *(by_name[other] for other in compared)])
        tables.show_list(runs)


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
