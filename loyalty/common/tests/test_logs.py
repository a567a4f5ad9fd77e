"""Log lines: one per event, and never a value that was only passing through."""

import io
import json
import logging

import pytest
import structlog

from loyalty.common.logs import formatter


@pytest.fixture
def said(request):
    """What a logger with our formatter writes; the parameter says whether as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(json=request.param))
    logger = logging.getLogger("loyalty.common.tests.logs")
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)


def fall_over(secret):
    try:
        raise ValueError("no such thing")
    except ValueError:
        structlog.get_logger("loyalty.common.tests.logs").exception("fell over", call="use_voucher")


@pytest.mark.parametrize("said", [True], indirect=True)
def test_an_error_is_one_line_of_json_with_its_traceback_and_without_values(said):
    fall_over("hunter" + "2")
    (line,) = said.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["call"], event["level"]) == ("fell over", "use_voucher", "error")
    assert "ValueError: no such thing" in event["exception"]
    assert "hunter2" not in line


@pytest.mark.parametrize("said", [False], indirect=True)
def test_an_error_is_readable_in_development_and_still_holds_no_values(said):
    fall_over("hunter" + "2")
    assert "fell over" in said.getvalue() and "ValueError: no such thing" in said.getvalue()
    assert "hunter2" not in said.getvalue()
