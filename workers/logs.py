"""The log, as JSON or for people; what its lines may hold is said in `workers.lines`."""

import logging
import sys
import warnings
from pathlib import Path

import structlog
from structlog.typing import Processor
from temporalio import activity, workflow

from workers.lines import Line, LineFormatter


def configure(log_format: str, level: str, file: Path | None = None) -> None:
    """Send everything that is logged to one place.

    Args:
        log_format: "json" for machines, "console" for people.
        level: Lowest level shown.
        file: Where to; stderr when None.
    """
    # The engine's own prefix would repeat what the fields say.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )

    def render(line: Line) -> str:
        return str(renderer(None, "", line))

    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(LineFormatter(render))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    if not sys.warnoptions:
        # Work nobody waits for, handlers left unfinished: defects that show in no other way.
        warnings.simplefilter("default", RuntimeWarning)
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
