"""Log lines: readable in development, one JSON object per line in production. Never personal data."""

import logging
from typing import Any

import structlog

SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter(*, json: bool) -> logging.Formatter:
    """The formatter for Django's LOGGING: `json` chooses machine-readable lines.

    Our own loggers are led through the same handlers, so that one level and one form hold for all. Tracebacks carry no
    values of variables: they would hold keys, codes and addresses.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    lines: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if not json:
        lines = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *lines],
    )
