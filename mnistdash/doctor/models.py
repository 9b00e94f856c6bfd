"""Whether the runs and their models are sound."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnistdash.doctor.findings import OK, PROBLEM, WARNING, Finding, words

if TYPE_CHECKING:
    from mnistdash.runs.run import Run
    from mnistdash.settings import Settings

SUM = 1e-3  # by how much ten float32 probabilities may miss 1
RESTORE = "Restore its folder from a copy, or delete it."
SHIPPED = "Copy models/flagship of the repository there."


def models(settings: "Settings") -> Iterator[Finding]:
    """Whether every run can be read, and every model loads and answers."""
    from mnistdash.runs import store

    folders = list(_run_folders(settings.models))
    looked = {folder.name: _look(folder) for folder in folders}
    faults = [finding for _, findings in looked.values() for finding in findings]
    sound = [name for name, (is_model, findings) in looked.items() if is_model and not findings]
    if not faults:
        many = "1 model loads and answers" if len(sound) == 1 else f"{len(sound)} models load and answer"
        rest = f"{len(folders)} {'run' if len(folders) == 1 else 'runs'} in {settings.models} can be read"
        yield Finding(OK, f"{many}; {rest}.")
    yield from faults
    if not looked.get(store.SHIPPED, (False, []))[0]:
        what = f"The model {store.SHIPPED}, which comes with the dashboard, is not in {settings.models}."
        yield Finding(PROBLEM, what, SHIPPED)
    if len(folders) >= settings.kept_runs and not settings.readonly:
        what = f"There are {len(folders)} runs, and MNISTDASH_RUNS allows {settings.kept_runs}: none can be started."
        yield Finding(WARNING, what, "Delete some on the Train page, or raise it.")
    fixed = [folder.name for folder in folders if not os.access(folder, os.W_OK)]
    if fixed and not settings.readonly:
        names = ", ".join(fixed[:3]) + (" and others" if len(fixed) > 3 else "")
        what = f"The dashboard may not write into these runs, and keeps nothing with them: {names}."
        yield Finding(WARNING, what, "Give their folders to the user that runs it.")


def _look(folder: Path) -> tuple[bool, list[Finding]]:
    """Whether a run's folder should hold a model, and what is wrong with it: one finding, or none."""
    from mnistdash.runs import store
    from mnistdash.runs.run import CARD, CONFIG, check_model

    # A model that cannot be used is missed; a run that came to nothing is not.
    is_model, level = True, PROBLEM
    advice = SHIPPED if folder.name == store.SHIPPED else RESTORE
    try:
        is_model = (folder / CARD).exists()
        level = PROBLEM if is_model else WARNING
        if not (folder / CONFIG).is_file():
            return is_model, [Finding(level, f"{folder.name}/{CONFIG} is missing.", advice)]
        run = store.load_run(folder)
        if run.card is not None:
            check_model(run)
            _check_answer(run)
        elif is_model:
            return True, [Finding(PROBLEM, f"The model {folder.name} cannot be used: {run.reason}", advice)]
        return is_model, []
    except store.RunError as error:
        return is_model, [Finding(level, str(error), advice)]
    except Exception as error:  # pages would break off, too
        return is_model, [Finding(PROBLEM, f"{folder} cannot be read: {words(error)}", advice)]


def _run_folders(models: Path) -> Iterator[Path]:
    """The folders of runs, in the order of their names."""
    from mnistdash.exceptions import RunError
    from mnistdash.runs import events
    from mnistdash.runs.config import check_name
    from mnistdash.runs.run import CARD, CONFIG, KERAS, TFLITE

    for folder in sorted(models.iterdir()) if models.is_dir() else ():
        try:
            check_name(folder.name)
            files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        except RunError:  # half-written, deleted, or none of ours: a volume's lost+found
            continue
        except OSError:  # `_look` says why
            files = {CONFIG}
        if files & {CONFIG, CARD, TFLITE, KERAS, events.FILE_NAME}:
            yield folder


def _check_answer(run: "Run") -> None:
    """Raise RunError unless a run's model loads, and answers an image with probabilities."""
    import numpy as np

    from mnistdash.inference.model import Model
    from mnistdash.runs import store
    from mnistdash.runs.run import TFLITE
    from mnistdash.system.native_output import native_output_to

    path = run.folder / TFLITE
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 5:23, 13:15] = 1  # a one
    with native_output_to(os.devnull):
        model = Model(path, run.name)
        try:
            probabilities = model(image)
        except (ValueError, RuntimeError) as error:  # some damage shows only now
            raise store.RunError(f"{path}: the model is damaged and gives no answer.") from error
    if probabilities.shape != (1, 10) or not abs(float(probabilities.sum()) - 1) < SUM:  # NaN is not below anything
        raise store.RunError(f"{path}: the model's answers are no probabilities.")
