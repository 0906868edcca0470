"""Connections to Temporal and everything client, worker and replayer have in common."""

import logging
import tomllib
from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter
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

from workflows.contracts import SEARCH_ATTRIBUTES
from workflows.duplicate_request import DuplicateRequest
from workflows.temporary_certificate import TemporaryCertificate


class Unreachable(Exception):
    """The Temporal server, or the namespace on it, cannot be used; the text says which."""


class TolerantConverter(PydanticPayloadConverter):
    """Hands on the bytes of what nobody can decode, where no type is asked for.

    So are messages read that people type by hand. Otherwise the SDK drops an undecodable one
    with a line in the log, and ops never see that somebody tried to tell the case something.
    """

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Decode payloads; without type hints one by one, leaving the undecodable as bytes."""
        if type_hints:
            return super().from_payloads(payloads, type_hints)
        return [self._decoded(payload) for payload in payloads]

    def _decoded(self, payload: Payload) -> Any:
        try:
            return super().from_payloads([payload])[0]
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is for a person now
            return payload.data


DATA_CONVERTER = DataConverter(payload_converter_class=TolerantConverter)


def plugin() -> SimplePlugin:
    """Converter and workflows, in one place for client, worker and replayer."""
    return SimplePlugin(
        "diploma-duplicates",
        data_converter=DATA_CONVERTER,
        workflows=[DuplicateRequest, TemporaryCertificate],
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


async def register_search_attributes(client: Client) -> None:
    """Make the search attributes known to the namespace; those it knows are left alone.

    Raises:
        Unreachable: The server does not allow it; an administrator has to register them.
    """
    try:
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {
            key.name: IndexedValueType.ValueType(key.indexed_value_type.value)
            for key in SEARCH_ATTRIBUTES
            if key.name not in known.custom_attributes
        }
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        raise Unreachable(
            f"namespace {client.namespace} lacks search attributes and will not take them "
            f"({error.status.name}); register {', '.join(key.name for key in SEARCH_ATTRIBUTES)}"
        ) from None


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
