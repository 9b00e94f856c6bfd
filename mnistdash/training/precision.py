"""The precision of a run's arithmetic."""

import time
from collections.abc import Callable

import keras
import tensorflow as tf

MIN_SPEEDUP = 1.05  # of bfloat16 over float32 to be used
WARM_UP = 2  # executions that are not timed, as the first one builds the graph
MIN_SECONDS = 0.6  # of timed executions


def gpu_precision() -> str | None:
    """Return the precision for this machine's GPU, or None without a GPU.

    bfloat16 is fast since compute capability 8, float16 since 7.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (8, 0))
    return "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"


def faster_precision(compile_model: Callable[[str], keras.Model], batches: tf.data.Dataset) -> str:
    """Time some training steps in float32 and in bfloat16, and return the faster precision.

    Args:
        compile_model: returns a new compiled model for a precision.
        batches: an endless dataset that the model can be fitted to.
    """
    seconds = {}
    for precision in ("float32", "bfloat16"):
        seconds[precision] = _execution_seconds(compile_model(precision), batches)
        keras.backend.clear_session()
    return "bfloat16" if seconds["float32"] >= MIN_SPEEDUP * seconds["bfloat16"] else "float32"


def _execution_seconds(model: keras.Model, batches: tf.data.Dataset) -> float:
    """Train a model, and return the mean seconds of an execution of its steps."""
    model.make_train_function()
    iterator = iter(batches)
    for _ in range(WARM_UP):
        model.train_function(iterator)
    start, executions, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < MIN_SECONDS:
        model.train_function(iterator)
        executions += 1
        elapsed = time.perf_counter() - start
    return elapsed / executions
