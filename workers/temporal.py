"""Connections to Temporal and everything client, worker and replayer have in common."""

import logging
import tomllib

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.duplicate_request import DuplicateRequest


class Unreachable(Exception):
    """The Temporal server, or the namespace on it, cannot be used; the text says which."""


def plugin() -> SimplePlugin:
    """Converter and workflows, in one place for client, worker and replayer."""
    return SimplePlugin(
        "diploma-duplicates",
        data_converter=pydantic_data_converter,
        workflows=[DuplicateRequest],
    )


def runtime() -> Runtime:
    """A runtime whose core logs through ours instead of to stdout."""
    return Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(
                    logger=logging.getLogger("temporalio.core"),
                    append_target_to_name=False,
                    # The fields may hold the text of somebody's failure (R13).
                    append_log_fields_to_message=False,
                ),
            )
        )
    )


async def connect(address: str | None = None, namespace: str | None = None) -> Client:
    """Connect as the environment says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS...).

    Args:
        address: Overrides the environment; for the embedded stack.
        namespace: Likewise.

    Raises:
        Unreachable: No server answers there, or it does not know the namespace.
    """
    try:
        config = ClientConfig.load_client_connect_config(disable_env=address is not None)
    except (ValueError, RuntimeError, OSError, tomllib.TOMLDecodeError):
        raise Unreachable("the TEMPORAL_ variables or the profiles file are not usable") from None
    target = address or config.get("target_host") or "localhost:7233"
    config["target_host"] = target
    if namespace is not None:
        config["namespace"] = namespace
    try:
        client = await Client.connect(**config, plugins=[plugin()], runtime=runtime())
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Unreachable(f"{target} has no namespace {client.namespace}") from None
        raise Unreachable(f"{target} does not answer as expected: {error.status.name}") from None
    except (RuntimeError, ValueError, OSError):
        raise Unreachable(
            f"no Temporal server answers at {target}; start one with `diploma up`, "
            "or set TEMPORAL_ADDRESS"
        ) from None
    return client
