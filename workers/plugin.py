"""The workflows and what runs them, in one place for worker and replayer."""

from dataclasses import replace

from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workers.runner import CaseRunner
from workflows.duplicate_request import DuplicateRequest
from workflows.temporary_certificate import TemporaryCertificate


def plugin() -> SimplePlugin:
    """All workflows and their runner; who only sends messages does without them."""
    return SimplePlugin(
        "diploma-duplicates",
        workflows=[DuplicateRequest, TemporaryCertificate],
        workflow_runner=_case_runner,
    )


def _case_runner(given: WorkflowRunner | None) -> WorkflowRunner:
    """The runner given, which does not import our workflows anew for every case."""
    runner = given or SandboxedWorkflowRunner()
    if isinstance(runner, SandboxedWorkflowRunner):
        # What they may not do is seen in their text: tests/test_architecture.py.
        passing = runner.restrictions.with_passthrough_modules("workflows")
        runner = replace(runner, restrictions=passing)
    return CaseRunner(runner)
