"""A process set up as a worker is, which fails in every way there is; never imported by tests.

The datum it must not give away is only known to its environment, so it is no constant here.
"""

import asyncio
import gc
import logging
import os
import sys
import threading
import warnings
from types import SimpleNamespace

from workers import crashes, logs

MARKER = os.environ["MARKER"]
LOG = logging.getLogger("diploma.failing")
STRANGER = logging.getLogger("asyncio.stranger")


class FirstFault(Exception):
    """Raised first of two."""


class SecondFault(Exception):
    """Raised from the first."""


class Careless:
    """Fails where nobody can catch it."""

    def __del__(self) -> None:
        raise LookupError(MARKER)

    def __repr__(self) -> str:
        return MARKER


def fail_twice() -> None:
    try:
        fail_once()
    except FirstFault as fault:
        raise SecondFault(MARKER) from fault


def fail_once() -> None:
    raise FirstFault(MARKER)


def chain_of_exceptions() -> None:
    try:
        fail_twice()
    except SecondFault:
        LOG.exception("a chain of two", stack_info=True)


def group_of_exceptions() -> None:
    def fail() -> None:
        raise ExceptionGroup(MARKER, [ZeroDivisionError(MARKER), IndexError(MARKER)])

    try:
        fail()
    except ExceptionGroup:
        LOG.exception("a group")


def arguments() -> None:
    STRANGER.warning("an answer from %s", MARKER)
    STRANGER.warning("too few for %s and %s", MARKER)


def text_made_of_data() -> None:
    STRANGER.error(f"the applicant is {MARKER}")
    STRANGER.error(MARKER)
    STRANGER.error(f"{MARKER} has failed")
    STRANGER.error(ValueError(MARKER))
    logging.getLogger(MARKER).error("a name of data")


def fields() -> None:
    LOG.info("fields", extra={"attempt": 2, "applicant": MARKER, "step": MARKER, MARKER: 1})
    LOG.info("numbers", extra={"attempt": 123_456})


def core_of_the_engine() -> None:
    core = SimpleNamespace(
        target="temporalio_sdk_core::worker", fields={"error": MARKER, "run_id": MARKER}
    )
    engine = logging.getLogger("temporalio.core")
    for text in ("Failing workflow task", f"gRPC call {MARKER} retried", MARKER):
        record = engine.makeRecord(
            engine.name,
            logging.WARNING,
            "(sdk-core)",
            0,
            text,
            (),
            None,
            extra={"temporal_log": core},
        )
        engine.handle(record)


def thread() -> None:
    def fail() -> None:
        raise ArithmeticError(MARKER)

    failing = threading.Thread(target=fail, name=MARKER)
    failing.start()
    failing.join()


def finalizer() -> None:
    Careless()
    gc.collect()


def warning() -> None:
    warnings.warn(MARKER, RuntimeWarning, stacklevel=1)


def coroutine_nobody_awaits() -> None:
    async def forgotten(_datum: str) -> None: ...

    forgotten(MARKER)  # type: ignore[unused-coroutine] # that is the fault
    gc.collect()


async def task_nobody_awaits() -> None:
    async def fail() -> None:
        raise EOFError(MARKER)

    task = asyncio.create_task(fail(), name=MARKER)
    await asyncio.wait([task])
    del task
    gc.collect()


async def callback() -> None:
    def fail(_datum: str) -> None:
        raise BufferError(MARKER)

    loop = asyncio.get_running_loop()
    loop.call_soon(fail, MARKER)
    for _ in range(3):
        await asyncio.sleep(0)


def main() -> None:
    crashes.install()
    if log_format := os.environ.get("LOG_FORMAT"):
        logs.configure(log_format, "INFO")
    warnings.simplefilter("default")
    for fail in (
        chain_of_exceptions,
        group_of_exceptions,
        arguments,
        text_made_of_data,
        fields,
        core_of_the_engine,
        thread,
        finalizer,
        warning,
        coroutine_nobody_awaits,
    ):
        fail()
    asyncio.run(task_nobody_awaits())
    asyncio.run(callback())
    if os.environ.get("UNWRITABLE"):
        sys.stderr.close()
        LOG.error("nobody can read %s", MARKER)
        return
    raise SystemError(MARKER)


if __name__ == "__main__":
    main()
