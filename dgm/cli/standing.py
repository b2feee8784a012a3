"""What became of a run's standing controls, for `dgm status`."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from dgm.archive.reader import RunReader
from dgm.archive.records import ControlRecord
from dgm.boundary.text import safe_line
from dgm.core.controls import StandingControl, measurements_in_doubt


def control_rows(run: RunReader) -> dict[str, str]:
    """Return the row of a run's controls; nothing for a run from before there were any."""
    controls = run.controls()
    if not controls:
        return {}
    words = f"{sum(found.control.passed for found in controls):,} of {len(controls):,} passed"
    failed = _failed_last(controls)
    if failed:
        words += f"; FAILED: {', '.join(map(control_words, failed))}"
    else:
        words += f", the last after {controls[-1].evaluations:,} evaluations"
    if doubtful := _in_doubt(run, controls):
        since = "since the last that passed" if failed else "before one that failed"
        words += f"; {doubtful:,} evaluations {since} are in doubt"
    return {"controls": words}


def controls_answer(run: RunReader) -> dict[str, Any]:
    """Return {made, passed, evaluations_since, in_doubt, failed: [{of, task, summary, evaluations, at}]}."""
    controls = run.controls()
    return {
        "made": len(controls),
        "passed": sum(found.control.passed for found in controls),
        "evaluations_since": run.evaluations_since_control(),
        "in_doubt": _in_doubt(run, controls),
        "failed": [
            {
                "of": found.control.of,
                "task": found.control.task,
                "summary": found.control.summary,
                "evaluations": found.evaluations,
                "at": found.at,
            }
            for found in controls
            if not found.control.passed
        ],
    }


def control_words(control: StandingControl) -> str:
    """Return what a control was of and what was found, in a line."""
    of = f"{control.of} of {control.task}" if control.task else control.of
    return safe_line(f"{of}: {control.summary}")


def _in_doubt(run: RunReader, controls: Sequence[ControlRecord]) -> int:
    judged = ((found.control.passed, found.evaluations) for found in controls)
    return measurements_in_doubt(judged, run.evaluation_count())


def _failed_last(controls: Sequence[ControlRecord]) -> list[StandingControl]:
    """Return the controls that failed the last time that any were made: of a batch, those that failed are last."""
    failed = takewhile(lambda found: not found.control.passed, reversed(controls))
    return [found.control for found in failed][::-1]
