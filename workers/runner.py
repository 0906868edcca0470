"""Runs cases in the sandbox, and tells without entering it whose payloads are whose."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import (
    SerializationContext,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner


class CaseRunner(WorkflowRunner):
    """Runs workflows as another runner does.

    All a case writes is sealed with one key: its own steps', its certificate's and what it tells
    that. The SDK would find out for each payload anew which command it belongs to, four times,
    inside of the sandbox; together that took as long as all that a case decides.
    """

    def __init__(self, runner: WorkflowRunner) -> None:
        """Take the runner that does the work."""
        self._runner = runner

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        """See the base."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """See the base."""
        return _CaseInstance(self._runner.create_instance(det), det.info)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """See the base."""
        self._runner.set_worker_level_failure_exception_types(types)


class _CaseInstance(WorkflowInstance):
    """One workflow of a case."""

    def __init__(self, instance: WorkflowInstance, info: workflow.Info) -> None:
        self._instance = instance
        self._context = WorkflowSerializationContext(
            namespace=info.namespace, workflow_id=info.workflow_id
        )

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """See the base."""
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: object) -> SerializationContext:  # noqa: ARG002
        """The case's, whatever the command."""
        return self._context

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:  # noqa: ARG002
        """None: payloads are stored nowhere else."""
        return StorageDriverStoreContext()

    def get_info(self) -> workflow.Info:
        """See the base."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """See the base."""
        return self._instance.get_thread_id()
