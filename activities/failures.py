"""The outside's failures in the engine's terms."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

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
