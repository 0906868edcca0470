"""What our code logs, counts and names is made of constants, as far as can be read in it (R13)."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.lines import FIELDS
from workers.metrics import LABELS

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("domain", "workflows", "activities", "adapters", "workers", "starters", "simulators")
LOGGER = re.compile(r"(^|[._])log(ger)?$", re.IGNORECASE)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
OWN_TEXTS = {"exc_info", "extra"}
"""Keywords of the library's that are no fields."""
IDS = {"id", "activity_id", "update_id"}
ID_MAKERS = {"workflow_id", "certificate_workflow_id", "update_id"}
"""Functions of `workflows.contracts` that make ids of control numbers, and of names and counts."""
ENGINE_CALLS = re.compile(
    r"(start|execute)_(\w+_)?(activity|activity_method|workflow|child_workflow|update)\w*$"
)
METERS = re.compile(r"\.create_(counter|gauge|histogram)\w*$")


@dataclass(frozen=True)
class Call:
    """A call in our code, with the function it stands in."""

    file: Path
    node: ast.Call
    within: ast.FunctionDef | ast.AsyncFunctionDef | None

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.node.lineno}"

    @property
    def name(self) -> str:
        return ast.unparse(self.node.func)

    def keyword(self, *names: str) -> Iterator[ast.expr]:
        yield from (each.value for each in self.node.keywords if each.arg in names)

    def is_constant(self, value: ast.expr) -> bool:
        """True for a literal, a named constant, or a parameter that is always given one."""
        if isinstance(value, ast.Constant):
            return True
        if isinstance(value, ast.Name) and self.within is not None:
            names = [each.arg for each in self.within.args.args]
            if value.id in names:
                return self._always_constant(self.within.name, names.index(value.id))
        return isinstance(value, ast.Name | ast.Attribute) and _is_named_constant(value)

    def _always_constant(self, function: str, place: int) -> bool:
        calls = [call for call in calls_in(self.file) if call.name == function]
        return bool(calls) and all(
            len(call.node.args) > place and call.is_constant(call.node.args[place])
            for call in calls
        )


def _is_named_constant(value: ast.Name | ast.Attribute) -> bool:
    name = ast.unparse(value).removesuffix(".value").rpartition(".")[2]
    return name.isupper()


@cache
def calls_in(file: Path) -> list[Call]:
    module = ast.parse(file.read_text(encoding="utf-8"))

    def found(
        node: ast.AST, within: ast.FunctionDef | ast.AsyncFunctionDef | None
    ) -> Iterator[Call]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield Call(file, child, within)
            inner = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else within
            yield from found(child, inner)

    return list(found(module, None))


def calls() -> Iterator[Call]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield from calls_in(file)


def log_calls() -> Iterator[Call]:
    for call in calls():
        owner, _, method = call.name.rpartition(".")
        if method in LEVELS and LOGGER.search(owner):
            yield call


def fields_of(call: Call) -> Iterator[str]:
    """Names of the fields of a log call; "?" for one that is not written out."""
    for each in call.node.keywords:
        if each.arg == "extra":
            keys = each.value.keys if isinstance(each.value, ast.Dict) else [None]
            for key in keys:
                constant = isinstance(key, ast.Constant) and isinstance(key.value, str)
                yield str(key.value) if constant and isinstance(key, ast.Constant) else "?"
        elif each.arg not in OWN_TEXTS:
            yield each.arg or "?"


def test_every_log_call_says_a_constant_and_nothing_besides() -> None:
    for call in log_calls():
        said = call.node.args[1:] if call.name.endswith(".log") else call.node.args
        assert len(said) == 1, f"{call} has arguments, which are never shown: use fields"
        assert isinstance(said[0], ast.Constant), str(call)


def test_every_log_call_has_only_fields_that_are_listed() -> None:
    wrong = {
        f"{call} {name}" for call in log_calls() for name in fields_of(call) if name not in FIELDS
    }
    assert not wrong


def test_no_field_of_a_log_call_is_put_together_from_data() -> None:
    wrong = {
        str(call)
        for call in log_calls()
        for each in call.node.keywords
        for node in ast.walk(each.value)
        if isinstance(node, ast.JoinedStr | ast.BinOp)
    }
    assert not wrong


def test_what_is_noted_of_a_case_is_named_by_a_constant() -> None:
    # `Case.note` logs its first argument; the second goes into the sealed timeline only.
    noted = [call for call in calls() if re.search(r"(^|_)(case|self)\.note$", call.name)]
    assert noted
    wrong = {
        str(call)
        for call in noted
        if isinstance(call.node.args[0], ast.JoinedStr | ast.BinOp | ast.Subscript)
    }
    assert not wrong


def test_every_type_of_an_error_is_a_constant() -> None:
    raised = [call for call in calls() if call.name.endswith("ApplicationError")]
    assert raised
    for call in raised:
        kinds = list(call.keyword("type"))
        assert len(kinds) == 1, f"{call} names no type"
        assert all(map(call.is_constant, kinds)), str(call)


def test_every_id_is_a_constant_or_made_by_the_contracts() -> None:
    for call in calls():
        if not ENGINE_CALLS.search(call.name):
            continue
        for value in call.keyword(*IDS):
            made = isinstance(value, ast.Call) and ast.unparse(value.func) in ID_MAKERS
            assert made or call.is_constant(value), str(call)


def test_no_search_attribute_is_put_together_from_data() -> None:
    view = ast.parse((ROOT / "workflows/view.py").read_text(encoding="utf-8"))
    (written,) = (
        node
        for node in view.body
        if isinstance(node, ast.FunctionDef) and node.name == "search_attributes"
    )
    assert not [node for node in ast.walk(written) if isinstance(node, ast.JoinedStr)]
    pairs = [call for call in calls() if call.name == "SearchAttributePair"]
    assert all(call.is_constant(value) for call in pairs for value in call.node.args)


def test_every_metric_and_its_labels_are_constants() -> None:
    for call in calls():
        if METERS.search(call.name):
            assert all(isinstance(value, ast.Constant) for value in call.node.args), str(call)
        if call.name.endswith("with_additional_attributes"):
            (labels,) = call.node.args
            assert isinstance(labels, ast.Dict), str(call)
            keys = {ast.literal_eval(key) for key in labels.keys if key is not None}
            assert keys <= LABELS, str(call)
            assert not [node for node in ast.walk(labels) if isinstance(node, ast.JoinedStr)]


def test_every_logger_is_named_by_a_constant_or_its_module() -> None:
    for call in calls():
        if call.name.rpartition(".")[2] in {"getLogger", "get_logger"} and call.node.args:
            (name,) = call.node.args
            variables = {node.id for node in ast.walk(name) if isinstance(node, ast.Name)}
            assert variables <= {"__name__", "_library"}, str(call)
