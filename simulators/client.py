"""Telling simulators that run elsewhere how to behave in a case."""

import aiohttp

from simulators.scenario import Scenario


async def play(outside_url: str, number: str, scenario: Scenario) -> bool:
    """Tell the simulators how to behave in a case; False when there are none."""
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.put(
                f"{outside_url}/scenarios/{number}", json=scenario.model_dump(mode="json")
            ) as response,
        ):
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
