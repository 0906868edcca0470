"""Connections to Temporal, and how values are written there."""

import logging
import os
import re
import tomllib
from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Any, Self

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.failure.v1 import Failure
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from adapters.sealing import REFUSED
from adapters.transport import is_loopback
from workers.metrics import prometheus
from workers.settings import PREFIX, BadSettings
from workflows.contracts import SEARCH_ATTRIBUTES, CaseRequest, CertificateRequest


class Unreachable(Exception):
    """The Temporal server, or the namespace on it, cannot be used; the text says which."""


class InsecureConnection(Exception):
    """The Temporal server is on another machine, and TLS is not set up; the text says how."""


class TolerantConverter(CompositePayloadConverter):
    """Hands on the bytes of what nobody can decode, where no type is asked for.

    So are messages read that people type by hand. Otherwise the SDK drops an undecodable one
    with a line in the log, and ops never see that somebody tried to tell the case something.
    """

    def __init__(self) -> None:
        """Share what knows the types: the SDK makes a converter for every case and every step."""
        super().__init__(*_PYDANTIC.converters.values())

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Decode payloads; without type hints one by one, leaving the undecodable as bytes.

        Raises:
            ApplicationError: A workflow was started with what its codec refused: it fails, for
                a failed task would be tried for ever.
        """
        if not type_hints:
            return [self._decoded(payload) for payload in payloads]
        if type_hints[0] in _STARTS and any(map(_is_refused, payloads)):
            raise ApplicationError(
                "the input is not sealed for this case; start cases with `diploma submit`",
                type="NotSealed",
                non_retryable=True,
            )
        return super().from_payloads(payloads, type_hints)

    def _decoded(self, payload: Payload) -> Any:
        try:
            return super().from_payloads([payload])[0]
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is for a person now
            return payload.data


_PYDANTIC = PydanticPayloadConverter()
_STARTS = (CaseRequest, CertificateRequest)


def _is_refused(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == REFUSED


class CaseConverter(DataConverter):
    """Binds nothing but the codec to a case; the SDK's would make everything anew."""

    def with_context(self, context: SerializationContext) -> Self:
        """See the base."""
        if not isinstance(self.payload_codec, WithSerializationContext):
            return self
        bound = copy(self)
        object.__setattr__(bound, "payload_codec", self.payload_codec.with_context(context))
        return bound


class BriefConverter(DefaultFailureConverterWithEncodedAttributes):
    """Says in a word that a poll has no result yet: nothing failed, and nothing is to be sealed."""

    _plain = DefaultFailureConverter()

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """See the base."""
        if (
            isinstance(exception, ApplicationError)
            and exception.category is ApplicationErrorCategory.BENIGN
            and exception.__cause__ is None
        ):
            self._plain.to_failure(exception.with_traceback(None), payload_converter, failure)
        else:
            super().to_failure(exception, payload_converter, failure)


def converter(codec: PayloadCodec | None) -> DataConverter:
    """How client, worker and replayer turn values into payloads and back.

    Args:
        codec: Seals what leaves the process, texts of failures included (R13); None only to
            see what sealing costs.
    """
    return CaseConverter(
        payload_converter_class=TolerantConverter,
        payload_codec=codec,
        failure_converter_class=BriefConverter,
    )


def runtime(metrics_address: str | None = None) -> Runtime:
    """The runtime of this process, whose core logs through ours instead of to stdout.

    Args:
        metrics_address: Where metrics are to be had, as in 127.0.0.1:9464; None for nowhere.

    Raises:
        BadSettings: The address cannot be listened on.
    """
    return _runtime(metrics_address, os.getpid())


@cache
def _runtime(metrics_address: str | None, _process: int) -> Runtime:
    """One for each process; none works on in a process that was forked from its own."""
    telemetry = TelemetryConfig(
        logging=LoggingConfig(
            filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
            forwarding=LogForwardingConfig(
                logger=logging.getLogger("temporalio.core"),
                append_target_to_name=False,
                prepend_target_on_message=False,
                # The fields may hold the text of somebody's failure (R13).
                append_log_fields_to_message=False,
            ),
        ),
        metrics=prometheus(metrics_address) if metrics_address else None,
    )
    try:
        return Runtime(telemetry=telemetry)
    except (RuntimeError, ValueError):
        raise BadSettings(
            f"{PREFIX}METRICS_ADDRESS: {metrics_address} cannot be listened on"
        ) from None


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


async def connect(
    codec: PayloadCodec | None,
    address: str | None = None,
    namespace: str | None = None,
    *,
    allow_plain: bool = False,
    identity: str | None = None,
    metrics_address: str | None = None,
) -> Client:
    """Connect as the environment says (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS...).

    Args:
        codec: See `converter`.
        address: Overrides the environment; for the embedded stack.
        namespace: Likewise.
        allow_plain: Connect to another machine without TLS, too.
        identity: Who acts, as the engine's history shows it; else process and host.
        metrics_address: Where the metrics of this process are to be had; for workers.

    Raises:
        Unreachable: No server answers there, or it does not know the namespace.
        InsecureConnection: The server is on another machine and would be talked to in clear.
    """
    try:
        config = ClientConfig.load_client_connect_config() if address is None else {}
    except (ValueError, RuntimeError, OSError, tomllib.TOMLDecodeError):
        raise Unreachable("the TEMPORAL_ variables or the profiles file are not usable") from None
    target = address or config.get("target_host") or "localhost:7233"
    config["target_host"] = target
    if namespace is not None:
        config["namespace"] = namespace
    if not (allow_plain or _is_secured(config)):
        _refuse_others(target)
    try:
        client = await Client.connect(
            **config,
            identity=identity,
            data_converter=converter(codec),
            runtime=runtime(metrics_address),
        )
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Unreachable(f"{target} has no namespace {client.namespace}") from None
        raise Unreachable(f"{target} does not answer as expected: {error.status.name}") from None
    except (RuntimeError, ValueError, OSError):
        raise _nobody_at(target) from None
    return client


def _is_secured(config: ClientConnectConfig) -> bool:
    """True when the SDK will use TLS, as it does of itself with an API key."""
    tls = config.get("tls")
    return bool(tls) or (tls is None and bool(config.get("api_key")))


def _refuse_others(target: str) -> None:
    """Make sure that an address is on this machine.

    Raises:
        Unreachable: It is no address at all.
        InsecureConnection: It is another machine's.
    """
    address = _ADDRESS.fullmatch(target)
    if address is None:
        raise _nobody_at(target)
    if not is_loopback(address["host"]):
        raise InsecureConnection(
            f"{target} is another machine and TLS is not set up: set TEMPORAL_TLS and what goes "
            f"with it or TEMPORAL_API_KEY, or allow it with {PREFIX}ALLOW_PLAIN_TEMPORAL=true"
        )


_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[^\[\]]+\]):[0-9]+")
"""As in host:port; nothing else, for the engine's library may take the rest for another host."""


def _nobody_at(target: str) -> Unreachable:
    return Unreachable(
        f"no Temporal server answers at {target}; start one with `diploma up`, "
        "or set TEMPORAL_ADDRESS"
    )
