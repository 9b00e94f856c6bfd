"""The log of a server on standard error: one JSON object a line, without personal data.

Each object has `time` (UTC), `level` and `event`, and the event's own fields from FIELDS. None of them holds a
visitor's address or input: a run that a visitor named appears as "named", and an error without its message.
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
GENERATED_NAME = re.compile(r"[a-z-]+-\d+")


class JsonLines(logging.Formatter):
    """Formats a record and its `extra` fields as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{seconds}.{int(record.msecs):03}Z", "level": record.levelname.lower()}
        line["event"] = record.getMessage()
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if "run" in line and not GENERATED_NAME.fullmatch(line["run"]):
            line["run"] = "named"
        return json.dumps(line, ensure_ascii=True, default=str)


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Write the package's log as JSON lines, and nothing else of it."""
    logger = logging.getLogger("mnistdash")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold visitors' addresses


def error_fields(error: BaseException) -> dict[str, str]:
    """Return the type of an error and the place that raised it; its message may hold a visitor's input."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else ""
    return {"error": type(error).__name__, "where": where}
