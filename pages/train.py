"""Train: choose a recipe, start it, watch it learn, stop it, compare it."""

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.runs import events, store
from mnistdash.runs.history import History
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.train import actions, form, restoring, run_panel, tables

REFRESH = 1  # seconds between two looks while a run is active; longer runs are looked at less often
LOOKS = 60  # at a run from its start to its end by all who watch: each costs the training some time
SLOWEST = 5  # seconds, for one who watches
SLOWEST_SHARED = 10  # seconds, for each of several
REFRESH_FIRST = 0.4  # seconds, until the chosen run has its first point
REFRESH_IDLE = 5  # seconds, to notice one that another tab or the command line starts


def watch(data: Dataset) -> None:
    """Show one run, growing while it trains, and the list of all."""
    resources.jobs().keep_warm()
    all_runs = all_that_can_be_read()
    if not all_runs:
        st.info("No run yet. Start one above, and its curves appear here.", icon=":material/show_chart:")
        return
    names = [run.name for run in all_runs]
    if (wanted := st.session_state.pop("next_run", None)) in names:
        st.session_state.run = wanted
    if others := [name for name in st.session_state.pop("next_compared", []) if name in names]:
        st.session_state.compared = others
    default = next((i for i, run in enumerate(all_runs) if run.status == "running"), 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Run", names, index=default, key="run", bind="query-params", width=230)
        actions.show(next(run for run in all_runs if run.name == name))
    others = [other for other in names if other != name]
    compared = st.multiselect("Compare with", others, key="compared", bind="query-params") if others else []
    pace = refresh(name, all_runs)
    st.fragment(live, run_every=pace)(name, compared, states(all_runs), pace, data)


def all_that_can_be_read() -> list[Run]:
    """The runs; and a sentence on each folder that cannot be read."""
    all_runs, objections = store.scan_runs(resources.settings().models)
    for objection in objections:
        widgets.show_error(objection, icon=":material/folder_off:")
    return all_runs


@widgets.guarded("Train, a look")
def live(name: str, compared: list[str], known: list[tuple[str, str]], pace: float, data: Dataset) -> None:
    """The part that is drawn anew by itself, also for what is started elsewhere."""
    all_runs = store.list_runs(resources.settings().models)
    if states(all_runs) != known or refresh(name, all_runs) != pace:
        st.rerun()  # the rest of the page is out of date, too
    jobs = resources.jobs()
    jobs.keep_warm()
    by_name = {run.name: run for run in all_runs}
    with st.container(key="live"):
        if notice := jobs.notice():
            st.warning(notice, icon=":material/sync_problem:")
        run_panel.show(by_name[name], jobs, data)
        if compared:
            tables.compare([by_name[name], *(by_name[other] for other in compared)])
        tables.show_list(all_runs)


def states(all_runs: list[Run]) -> list[tuple[str, str]]:
    """What the buttons and fields for runs depend on."""
    return [(run.name, run.status) for run in all_runs]


def refresh(name: str, all_runs: list[Run]) -> float:
    """Seconds between two looks at a run and at the list of all."""
    if not any(run.status in ACTIVE for run in all_runs):
        return REFRESH_IDLE
    run = next(run for run in all_runs if run.name == name)
    if run.status not in ACTIVE:
        return REFRESH
    watchers = resources.watchers(name)
    if resources.jobs().state(run) == "running" and not events.has_batch(run.folder):
        return REFRESH_FIRST * watchers
    length = History.from_events(events.read_events(run.folder)[0]).first_estimate or 0
    slowest = SLOWEST if watchers == 1 else SLOWEST_SHARED
    return min(slowest, max(REFRESH, round(watchers * length / LOOKS)))


with page.page("Train"):
    st.title("Train", anchor=False)
    data = widgets.dataset()
    if resources.settings().readonly:
        st.info("This dashboard is for looking only: nothing can be trained on it.", icon=":material/visibility:")
    else:
        form.show(data)
        st.divider()
    watch(data)
    if not resources.settings().readonly:
        restoring.show()
