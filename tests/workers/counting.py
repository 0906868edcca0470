"""A workflow and a step that count and fail, so that there is something to be measured."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError


@activity.defn
async def fail_at_first(datum: str) -> None:
    if activity.info().attempt == 1:
        raise ApplicationError(datum, type="TemporaryFailure")


@workflow.defn
class Counting:
    """Counts what it parked, as cases do."""

    @workflow.run
    async def run(self, datum: str) -> None:
        workflow.metric_meter().create_counter("diploma_parked_messages").add(1)
        await workflow.execute_activity(
            fail_at_first,
            datum,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )
