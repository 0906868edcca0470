"""Metrics for Prometheus: what the engine's client and worker count, and nothing of any case."""

from temporalio.runtime import PrometheusConfig

LABELS = frozenset(
    {
        "activity_type",
        "eager",
        "error_type",
        "failure_reason",
        "namespace",
        "operation",
        "poller_type",
        "service_name",
        "status_code",
        "task_queue",
        "worker_type",
        "workflow_type",
    }
)
"""All there are; each has as many values as the code has names (R13)."""


def prometheus(address: str) -> PrometheusConfig:
    """Metrics at http://<address>/metrics, named and measured as Prometheus advises.

    Args:
        address: Host as a number, and port; as the settings check it.
    """
    return PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
