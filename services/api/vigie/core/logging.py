"""Structured log lines on stderr: one JSON object a line, never a body, a token or a signature."""

import logging
import sys
from contextvars import ContextVar

import orjson

from vigie.core.clock import SystemClock, wire_time

request_id: ContextVar[str] = ContextVar("request_id", default="")
_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_clock = SystemClock()


class JsonFormatter(logging.Formatter):
    """Renders a record as one JSON line; what is passed by `extra=` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {"at": wire_time(_clock.now()), "level": record.levelname.lower(), "logger": record.name}
        line["message"] = record.getMessage()
        if request := request_id.get():
            line["request_id"] = request
        line.update({name: value for name, value in vars(record).items() if name not in _FIELDS})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure_logging(level: str) -> None:
    """Send every log record of the process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
