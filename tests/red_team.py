"""A plugin of pytest that keeps the table of the red-team suite.

Used with `-p tests.red_team`, and `--red-team-table FILE` to write the table of a whole run of `tests/escape`, or
`--red-team-check FILE` to fail where a whole run gives another table than the committed one.
"""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from tests.red_team_table import Case, differences, is_honest_by_name, result_of, table_text, words_of

SUITE = "tests/escape"
_PROPERTY = "red team"
_SHOWN_DIFFERENCES = 40


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("red team")
    group.addoption("--red-team-table", type=Path, metavar="FILE", help="write the table of a whole run of the suite")
    group.addoption("--red-team-check", type=Path, metavar="FILE", help="fail where a whole run gives another table")


def pytest_configure(config: pytest.Config) -> None:
    """Start to keep the table, in the process that the others report to."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RedTeam(config), "red-team-table")


def case_of(item: pytest.Function, number: int) -> Case:
    """Return the case that a test is."""
    honest, attack = item.get_closest_marker("honest"), item.get_closest_marker("attack")
    parameter = str(item.callspec.id) if hasattr(item, "callspec") else ""
    words = words_of(item.originalname, parameter=parameter, attack=str(attack.args[0]) if attack else "")
    file = item.nodeid.partition("::")[0]
    heading = (cast("str | None", item.obj.__globals__.get("__doc__")) or file).strip().splitlines()[0].rstrip(".")
    return Case(
        number=number,
        file=file,
        heading=heading,
        attack=words.attack,
        expected=words.expected,
        honest=honest is not None or (attack is None and is_honest_by_name(item.originalname)),
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test of the suite its row, which travels with its reports."""
    for number, item in enumerate(items):
        if item.nodeid.startswith(f"{SUITE}/") and isinstance(item, pytest.Function):
            item.user_properties.append((_PROPERTY, case_of(item, number).to_json()))


class RedTeam:
    """Keeps the table of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._table = cast("Path | None", config.getoption("--red-team-table"))
        self._committed = cast("Path | None", config.getoption("--red-team-check"))
        self._complete = is_complete(config)
        self._cases: dict[str, Case] = {}
        self._said: list[str] = []
        if self._table is not None and not self._complete:
            raise pytest.UsageError(f"--red-team-table takes a run of the whole suite: {SUITE}, and no selection")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down what became of a case."""
        row = next((value for name, value in report.user_properties if name == _PROPERTY), None)
        if row is None:
            return
        case = self._cases.setdefault(report.nodeid, Case.from_json(cast("dict[str, object]", row)))
        result = result_of(report.outcome, phase=report.when or "call", honest=case.honest, reason=reason_of(report))
        if result is not None:
            self._cases[report.nodeid] = Case.from_json(case.to_json() | {"result": result})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the table, or compare it, if the whole suite was run to its end."""
        ended = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        if not self._complete or not ended or session.shouldstop or session.shouldfail:
            return
        text = table_text(self._cases.values())
        if self._table is not None:
            self._table.parent.mkdir(exist_ok=True)
            self._table.write_text(text, "utf-8")
            self._said.append(f"written to {self._table}")
        if self._committed is not None:
            self._compare(self._committed, text, session)

    def _compare(self, path: Path, text: str, session: pytest.Session) -> None:
        found = differences(path.read_text("utf-8") if path.exists() else "", text)
        if not found:
            return
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._said += [f"{path} is not what this run gave; `scripts/red-team` writes it.", *found[:_SHOWN_DIFFERENCES]]

    @pytest.hookimpl(wrapper=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """Say what became of the table."""
        yield
        if self._said:
            terminalreporter.section("red team")
            for line in self._said:
                terminalreporter.write_line(line)


def is_complete(config: pytest.Config) -> bool:
    """Whether a run takes in the whole suite: without a selection, of the suite or of all tests."""
    chosen = [
        config.getoption(option, default=None)
        for option in ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "collectonly", "stepwise")
    ]
    paths = {Path(argument).as_posix().rstrip("/") for argument in config.args}
    return not any(chosen) and bool(paths & {"tests", SUITE})


def reason_of(report: pytest.TestReport) -> str:
    """Return why a test was skipped, without the place in its file, which changes with every line above it."""
    where = report.longrepr
    return str(where[2]).removeprefix("Skipped: ") if isinstance(where, tuple) else ""
