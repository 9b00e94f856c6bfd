"""What a server says of itself on standard error: one JSON object a line, without personal data.

Each has `time` (UTC), `level` and `event`, and what belongs to the event: a run's `run`, `recipe`, `status` and
`reason`, a page's `page` and `seconds`, an error's `error` and `where`. Neither a visitor's address nor anything that
one typed, drew or uploaded is among them: a run that someone named is "named".
"""

import json
import logging
import re
import sys
import time
import traceback
from pathlib import Path
from typing import TextIO

FIELDS = ("run", "recipe", "status", "reason", "page", "seconds", "error", "where")
AUTOMATIC = re.compile(r"[a-z-]+-\d+")  # a name that the dashboard itself gives


class JsonLines(logging.Formatter):
    """Makes a JSON object of a record and what its `extra` says."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{seconds}.{int(record.msecs):03}Z", "level": record.levelname.lower()}
        line["event"] = record.getMessage()
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if "run" in line and not AUTOMATIC.fullmatch(line["run"]):
            line["run"] = "named"
        return json.dumps(line, ensure_ascii=True, default=str)


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Have the package's loggers write such lines, and nothing else."""
    logger = logging.getLogger("mnistdash")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold visitors' addresses


def error_fields(error: BaseException) -> dict[str, str]:
    """What may be said of an error: its kind, and where it was raised; its text could hold what someone typed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else ""
    return {"error": type(error).__name__, "where": where}
