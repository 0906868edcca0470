"""Timeouts and retries, each with its reason. What the procedure promises is a term, not here."""

from datetime import timedelta

from temporalio.common import RetryPolicy

SHORT_STEP = timedelta(seconds=30)
"""A step that only computes: reading rules, naming reasons, taking a calendar snapshot. It takes
milliseconds; on a machine that is full it may stand in a queue."""

SHORT_STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)
"""Such a step fails only by a broken installation; it waits until that is mended."""

OUTSIDE_CALL = timedelta(seconds=60)
"""One attempt at an outside system; longer than any adapter's own timeout."""

WORKER_GONE = timedelta(seconds=15)
"""A step of a worker that shows no sign of life for so long is given to another."""

OUTSIDE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=10),
)
"""For ever: a payment system or a holder that is down comes back, and the case waits."""

REGISTER_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=1),
)
"""For ever: what happened must be in the register, and its database comes back."""

POLL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=10),
)
"""A poll that was answered "not yet" names its own delay; this one is for failures."""

LATE_BY = timedelta(minutes=20)
"""A poll that is to be back for a term, and is not so much later, is given up for another: longer
than any attempt and the longest wait between two. Only a step that is paused is so late."""

HOLDER_POLL_EVERY = timedelta(hours=6)
"""Procedure time between two questions to a holder's system; terms are counted in days."""

PAYMENT_POLL_EVERY = timedelta(hours=2)
"""Procedure time between two looks at an unpaid invoice; a person waits for the result."""

MAILS_AT_ONCE = timedelta(seconds=20)
"""How long the first try may take: the register waits meanwhile."""

MAILS_AGAIN = timedelta(seconds=90)
"""All mails of a moment when some failed before; a hanging server costs its own timeout each."""

MAIL_AGAIN = tuple(
    timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800)
)
"""Greylisting asks for minutes, an outage may take hours."""

RECORD_AGAIN = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 32, 60))
"""For ever: what happened must be in the register, and its database comes back."""

SCANS = timedelta(minutes=10)
"""One look at all scans of a case; each may take 20 seconds, and others' are looked at, too."""

MAIL_BATCH = timedelta(minutes=3)
"""One attempt at all mails of a moment; a hanging server costs at most its own timeout each."""

MAIL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=5),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=30),
)
"""Greylisting asks for minutes, an outage may take hours."""

MAIL_GIVE_UP = timedelta(days=5)
"""As long as mail servers themselves keep trying; then a person is told."""

RECALL_GIVE_UP = timedelta(days=7)
"""A holder that cannot be told in a week that a request is void learns it from staff."""

CODE_GIVE_UP = timedelta(days=1)
"""A gateway that is away so long will not carry a code anybody still waits for."""

MOST_HOLDERS_ASKED = 8
"""More holders than any real chain of successors and archives; then it is a circle."""

HANDOVER_TO_NEXT_RUN = timedelta(seconds=30)
"""How long a run waits for mails in flight before it continues as new; they are then sent
again under the same Message-ID."""
