"""Events of a short run."""

STARTED = {"event": "started", "elapsed": 0.0}
FITTING = {
    "event": "fitting",
    "elapsed": 4.0,
    "steps": 30,
    "epochs": 3,
    "batch_size": 100,
    "examples": 950,
    "data": "mnist",
}


def batch(step: int, elapsed: float, speed: float = 500.0) -> dict:
    return {
        "event": "batch",
        "step": step,
        "elapsed": elapsed,
        "epoch": 1,
        "loss": 1.0,
        "accuracy": 0.5,
        "images_per_second": speed,
    }


def epoch(number: int, elapsed: float, best: bool = True) -> dict:
    return {
        **batch(10 * number, elapsed),
        "event": "epoch",
        "epoch": number,
        "val_loss": 1.0,
        "val_accuracy": 0.5,
        "best": best,
    }
