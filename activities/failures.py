"""The outside's failures in the engine's terms."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.ports import NotYet, PermanentFailure, TemporaryFailure, UnreadableAnswer

UNREADABLE = "UnreadableAnswer"
"""Error type of an answer nobody can read; a person has to look."""


Delay = Callable[[timedelta | None], timedelta | None]
"""After how long a step is tried again, given what was asked for; None as its retry policy says."""


@contextmanager
def in_engine_terms(delay: Delay = lambda asked: asked) -> Iterator[None]:
    """Say which failures are worth another attempt, and when.

    The texts of ports' failures hold nothing personal, so they may stand in the history.
    """
    try:
        yield
    except NotYet as failure:
        raise not_yet(delay(failure.retry_after)) from None
    except TemporaryFailure as failure:
        raise ApplicationError(
            str(failure), type="TemporaryFailure", next_retry_delay=delay(failure.retry_after)
        ) from None
    except PermanentFailure as failure:
        raise ApplicationError(str(failure), type="PermanentFailure", non_retryable=True) from None
    except UnreadableAnswer as failure:
        raise ApplicationError(str(failure), type=UNREADABLE, non_retryable=True) from None


def not_yet(look_again_in: timedelta | None) -> ApplicationError:
    """A poll without a result: a failed attempt that names the next one.

    However long the waiting lasts, the history holds one activity; and nothing is logged or
    counted as an error, for none it is. Its text is the same everywhere: it is not sealed.
    """
    return ApplicationError(
        "no answer yet",
        type="NotYet",
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=look_again_in,
    )
