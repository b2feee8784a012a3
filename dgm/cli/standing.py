"""What became of a run's standing controls, for `dgm status`."""

from typing import Any

from dgm.archive.reader import RunReader
from dgm.archive.records import ControlRecord
from dgm.boundary.text import safe_line
from dgm.core.controls import StandingControl


def control_rows(run: RunReader) -> dict[str, str]:
    """Return the row of a run's controls; nothing for a run from before there were any."""
    controls = run.controls()
    if not controls:
        return {}
    words = f"{sum(found.control.passed for found in controls):,} of {len(controls):,} passed"
    if failed := _failed_last(controls):
        words += f"; FAILED: {', '.join(map(control_words, failed))}"
        words += f"; {run.evaluations_since_control():,} evaluations since the last that passed are in doubt"
    else:
        words += f", the last after {controls[-1].evaluations:,} evaluations"
    return {"controls": words}


def controls_answer(run: RunReader) -> dict[str, Any]:
    """Return {made, passed, evaluations_since, failed: [{of, task, summary, evaluations, at}]}."""
    controls = run.controls()
    return {
        "made": len(controls),
        "passed": sum(found.control.passed for found in controls),
        "evaluations_since": run.evaluations_since_control(),
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


def _failed_last(controls: tuple[ControlRecord, ...]) -> list[StandingControl]:
    """Return the controls that failed the last time that any were made."""
    return [
        found.control
        for found in controls
        if found.evaluations == controls[-1].evaluations and not found.control.passed
    ]
