"""Several runs on Train: comparison and list."""

import streamlit as st

from mnistdash.runs import comparison
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.plots import training

STATUS = {
    "queued": ":material/schedule: queued",
    "running": ":material/play_circle: running",
    "finished": ":material/check_circle: finished",
    "stopped": ":material/stop_circle: stopped",
    "failed": ":material/error: failed",
}


def compare(chosen: list[Run]) -> None:
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


def show_list(all_runs: list[Run]) -> None:
    """Show the list of runs, newest first."""
    st.subheader("Runs", anchor=False)
    with st.container(key="runs"):
        st.table(
            [
                {
                    "Run": run.name,
                    "Recipe": run.config.recipe,
                    "Status": STATUS[run.status],
                    "Validation accuracy": run.card.validation if run.card else "–",
                    "Test accuracy": f"{run.card.test_accuracy:.2%}" if run.card else "–",
                }
                for run in all_runs
            ],
            border="horizontal",
            hide_index=True,
        )
        widgets.explain_star(all_runs)
