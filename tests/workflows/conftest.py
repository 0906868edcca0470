"""Every story is told twice: with the workflow cache, and replayed at every task."""

from collections.abc import AsyncIterator

import pytest
from staging import Stage, working
from temporalio.testing import WorkflowEnvironment

from simulators.outside import Outside


@pytest.fixture(scope="session", params=["cached", "uncached"])
async def stage(
    request: pytest.FixtureRequest, server: WorkflowEnvironment, outside: Outside
) -> AsyncIterator[Stage]:
    """A worker and a holder for the stories of one kind of cache."""
    options = {"max_cached_workflows": 0} if request.param == "uncached" else {}
    async with working(server, outside, f"stories-{request.param}", **options) as ready:
        yield ready
