"""The outside's failures in the engine's terms."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.ports import PermanentFailure, TemporaryFailure, UnreadableAnswer

UNREADABLE = "UnreadableAnswer"
"""Error type of an answer nobody can read; a person has to look."""


@contextmanager
def in_engine_terms() -> Iterator[None]:
    """Say which failures are worth another attempt, and when.

    The texts of ports' failures hold nothing personal, so they may stand in the history.
    """
    try:
        yield
    except TemporaryFailure as failure:
        raise ApplicationError(
            str(failure), type="TemporaryFailure", next_retry_delay=failure.retry_after
        ) from None
    except PermanentFailure as failure:
        raise ApplicationError(str(failure), type="PermanentFailure", non_retryable=True) from None
    except UnreadableAnswer as failure:
        raise ApplicationError(str(failure), type=UNREADABLE, non_retryable=True) from None


def not_yet(text: str, look_again_in: timedelta) -> ApplicationError:
    """A poll without a result: a failed attempt that names the next one.

    However long the waiting lasts, the history holds one activity; and nothing is logged or
    counted as an error, for none it is.
    """
    return ApplicationError(
        text,
        type="NotYet",
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=look_again_in,
    )
