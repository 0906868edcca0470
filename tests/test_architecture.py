"""Data flows one way: starter, workflow, activity, adapter; the domain knows nobody."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "domain": {"domain"},
    "workflows": {"domain", "workflows", "activities"},
    "activities": {"domain", "activities", "workflows.contracts"},
    "adapters": {"domain", "adapters", "activities.ports"},
    "simulators": {"domain", "adapters", "simulators", "activities.ports"},
    "workers": {"domain", "workflows", "activities", "adapters", "simulators", "workers"},
    "starters": {
        "domain",
        "workflows",
        "activities",
        "adapters",
        "simulators",
        "workers",
        "starters",
    },
}
"""What each folder may import of ours; a package stands for all its modules."""
OUTSIDE = {"aiohttp", "aiosmtplib", "alembic", "holidays", "jinja2", "psycopg", "sqlalchemy"}
"""Libraries that reach the outside world, its mail, its calendar or a database."""
MAY_REACH_OUTSIDE = {"adapters", "simulators"}
MAY_READ_SETTINGS = {"workers", "starters"}
WORKFLOW_LIBRARIES = {"temporalio", "pydantic", "pydantic_core"}
NOT_IN_DOMAIN = {"temporalio", "structlog"}
CHANGING = {
    *("io", "locale", "multiprocessing", "os", "pathlib.Path", "platform", "random", "secrets"),
    *("socket", "subprocess", "tempfile", "threading", "time", "uuid"),
}
"""Modules that answer another way, or do more than answer, when a case is replayed."""
CHANGES = re.compile(
    r"((datetime\.)?datetime\.(now|utcnow|today)|(datetime\.)?date\.today|open|input|id|hash|vars)"
)
"""Such calls of what else there is."""
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("repo", "maven", "apache", "org"),
        ("anaconda", "org"),
    )
]


def modules(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def imports(file: Path) -> Iterator[str]:
    """Every module a file imports, `a.b` also for `from a import b`, wherever the line stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reads_environment(file: Path) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in names:
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(alias.name in names for alias in node.names)
    return False


def allowed(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in modules(folder)
        for module in imports(file)
        if module.split(".")[0] in MAY_IMPORT and not allowed(module, MAY_IMPORT[folder])
    }
    assert not wrong


def test_only_adapters_and_simulators_reach_the_outside() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in modules(*(set(MAY_IMPORT) - MAY_REACH_OUTSIDE))
        for module in imports(file)
        if module.split(".")[0] in OUTSIDE
    }
    assert not wrong


def test_the_domain_needs_no_engine_and_no_log() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in modules("domain")
        for module in imports(file)
        if module.split(".")[0] in NOT_IN_DOMAIN
    }
    assert not wrong


def test_workflows_use_no_library_but_the_engine_and_the_models() -> None:
    known = set(sys.stdlib_module_names) | set(MAY_IMPORT) | WORKFLOW_LIBRARIES
    wrong = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in modules("workflows")
        for module in imports(file)
        if module.split(".")[0] not in known
    }
    assert not wrong


def test_what_a_case_decides_with_is_the_same_at_every_replay() -> None:
    # The sandbox lets our own modules through, since it would import them anew for every case.
    wrong = set()
    for file in modules("workflows", "domain"):
        where = file.relative_to(ROOT)
        wrong |= {
            f"{where}: {name}" for name in imports(file) if {name, name.split(".")[0]} & CHANGING
        }
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and CHANGES.fullmatch(ast.unparse(node.func)):
                wrong.add(f"{where}:{node.lineno}: {ast.unparse(node.func)}")
            if isinstance(node, ast.For | ast.comprehension) and _is_set(node.iter):
                wrong.add(f"{where}: {ast.unparse(node.iter)} has no order")
    assert not wrong


def _is_set(value: ast.expr) -> bool:
    made = isinstance(value, ast.Call) and ast.unparse(value.func) in {"set", "frozenset"}
    return made or isinstance(value, ast.Set | ast.SetComp)


def test_only_workers_and_starters_read_settings() -> None:
    wrong = {
        str(file.relative_to(ROOT))
        for file in modules(*(set(MAY_IMPORT) - MAY_READ_SETTINGS))
        if reads_environment(file)
        or any(allowed(module, {"workers.settings"}) for module in imports(file))
    }
    assert not wrong


def test_no_file_names_a_package_registry() -> None:
    # Whoever installs decides where from: behind a mirror a fixed host breaks the build.
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wrong = set()
    for name in filter(None, listed.stdout.split("\0")):
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        wrong |= {f"{name}: {host}" for host in REGISTRIES if host in text}
    assert not wrong


def test_workflows_wait_in_the_one_way_that_replays_under_every_python() -> None:
    for file in modules("workflows"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "workflow.wait_condition":
                assert not node.keywords, file.name
