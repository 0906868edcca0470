"""Logs as JSON or for people: the control number on every line of a case, nothing personal."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor
from temporalio import activity, workflow

_DETAILS = ("temporal_workflow", "temporal_activity")


def configure(log_format: str, level: str, file: Path | None = None) -> None:
    """Send everything that is logged to one place.

    Args:
        log_format: "json" for machines, "console" for people.
        level: Lowest level shown.
        file: Where to; stderr when None.
    """
    # The engine's own prefix would repeat what the fields below say.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        name_the_case,
        exceptions_without_texts,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def name_the_case(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace the engine's details by the control number, the attempt and the step."""
    event.pop("temporal_log", None)
    for key in _DETAILS:
        details = event.pop(key, None)
        if not isinstance(details, dict):
            continue
        workflow_id = str(details.get("workflow_id", ""))
        event["control_number"] = workflow_id.rpartition("/")[2]
        if "activity_type" in details:
            event["step"] = details["activity_type"]
            event["attempt"] = details.get("attempt")
    return event


def exceptions_without_texts(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep of an exception its types and places only: a text may hold somebody's data (R13)."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = _types_and_place(error)
    return event


def _types_and_place(error: BaseException) -> str:
    chain = []
    current: BaseException | None = error
    while current is not None:
        frames = traceback.extract_tb(current.__traceback__)
        place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
        chain.append(type(current).__name__ + place)
        current = current.__cause__
    return " <- ".join(chain)
