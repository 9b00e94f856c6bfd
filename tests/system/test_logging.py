import io
import json
import logging

import pytest

from mnistdash.system.logging import configure_logging, error_fields


@pytest.fixture
def lines():
    """Return the lines logged so far."""
    logger = logging.getLogger("mnistdash")
    before = logger.handlers[:], logger.level, logger.propagate
    stream = io.StringIO()
    configure_logging(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers[:], logger.level, logger.propagate = before


def test_each_event_is_one_line_of_json(lines):
    log = logging.getLogger("mnistdash.jobs.queue")
    log.info("ended", extra={"run": "softmax-1", "recipe": "softmax", "status": "finished"})
    log.warning("slow", extra={"page": "Draw", "seconds": 3.2})
    first, second = lines()
    assert first["time"].endswith("Z")
    del first["time"]
    assert first == {"level": "info", "event": "ended", "run": "softmax-1", "recipe": "softmax", "status": "finished"}
    assert (second["level"], second["page"], second["seconds"]) == ("warning", "Draw", 3.2)


def test_names_typed_by_visitors_are_not_logged(lines):
    logging.getLogger("mnistdash.jobs.queue").info("queued", extra={"run": "annas-run"})
    assert lines()[0]["run"] == "named"


def test_line_breaks_are_escaped(lines):
    logging.getLogger("mnistdash").error("failed", extra={"reason": "one\ntwo\u2028three"})
    assert lines()[0]["reason"] == "one\ntwo\u2028three"


def test_an_error_is_logged_with_its_type_and_place_but_not_its_message():
    def fail() -> None:
        raise ValueError("what Anna typed")

    try:
        fail()
    except ValueError as error:
        told = error_fields(error)
    assert told["error"] == "ValueError"
    assert told["where"].startswith("test_logging.py:")
    assert "Anna" not in str(told)
