"""The verb `replay`: measures an archived agent again, in fresh sandboxes, outside the run's own facts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgm.cli import exit_codes
from dgm.cli.evolving import BaseUrl, Json, MaxCost, Model, RunArgument, RunsDirectory, Workers, Yes, said_now

if TYPE_CHECKING:
    from rich.console import Console

    from dgm.archive.reader import RunReader
    from dgm.config import RunConfig
    from dgm.core.ids import AgentId
    from dgm.core.stages import Measurement
    from dgm.evolution.replay import Replayed

_INTERRUPTION = "interrupted"


def replay(
    run: RunArgument,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="An agent's id or its first digits.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="TOML file laid over the run's settings, as for a model's price."
        ),
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="Another benchmark than the run's.")] = None,
    tasks: Annotated[
        str | None, typer.Option(metavar="IDS", help="Only these tasks: ids or patterns such as 'ca*', with commas.")
    ] = None,
    model: Model = None,
    base_url: BaseUrl = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How often each task is tried.")] = None,
    workers: Workers = None,
    max_cost: MaxCost = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where results go; below the run unless given.")
    ] = None,
    yes: Yes = False,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="Give the agent the answers that the run recorded: no key, no cost."),
    ] = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Measure an agent again, beside what the run recorded.

    Results, transcripts and costs go to a numbered directory below the run (or to --out); the run's own facts are not
    touched. The exit code is 4 when a task could not be measured. Ctrl-C keeps what was measured until then.

    With --recorded no model is asked: each recorded session is done again with the recorded answers, and compared. The
    exit code is 6 when one of them went another way than then, and 4 when one could not be replayed.
    """
    from rich.text import Text

    from dgm.archive.reader import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.comparing import replay_recorded
    from dgm.cli.confirming import confirm_replay
    from dgm.cli.results import results_directory, write_result
    from dgm.cli.runs import existing_run_directory
    from dgm.cli.screen import console
    from dgm.wiring import check_replay, prices_now

    patterns = tasks.split(",") if tasks else None
    if recorded:
        _refuse_with_recorded(
            config=config, benchmark=benchmark, model=model, base_url=base_url, trials=trials, max_cost=max_cost
        )
        with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
            raise typer.Exit(replay_recorded(reader, agent, patterns or [], workers=workers, out=out, as_json=json_))
    options = {
        "benchmark": benchmark,
        "tasks": patterns,
        "models": {"agent": {"model": model}} if model else None,
        "trials": trials,
        "workers": workers,
        "budget": None if max_cost is None else {"max_cost_usd": max_cost},
    }
    screen = console(stderr=json_)
    with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
        found = reader.agent_tree().find(agent)
        said = said_now(config, base_url)
        settings = replay_config(reader.config(), said, options)
        wanted = check_replay(settings, said=said)
        confirm_replay(settings, prices_now(settings), sessions=wanted, yes=yes)
        screen.print(Text(f"replaying agent {found} of {reader.facts().name}"))
        directory = results_directory(out, reader.directory)
        results = _replayed(reader, found, settings, directory, screen)
        answer = _answer(reader, found, settings, results)
        write_result(directory, answer)
        if json_:
            typer.echo(json_text(answer))
        else:
            _print(screen, answer, directory)
    if any(result.fault == _INTERRUPTION for result in results):
        raise typer.Exit(exit_codes.INTERRUPTED)
    if any(result.outcome is None for result in results):
        raise typer.Exit(exit_codes.NOT_MEASURED)


def _refuse_with_recorded(**options: object) -> None:
    """Refuse options that ask for something else than what was recorded."""
    from dgm.core.errors import UsageError

    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"--recorded repeats what the run did, with the answers that it got; it cannot go with {', '.join(given)}."
        )


def replay_config(recorded: "RunConfig", said: "RunConfig", options: dict[str, Any]) -> "RunConfig":
    """Return the run's configuration with what the user says and then the options laid over it.

    The run's own caps do not hold for a replay.
    """
    from dgm.config import config_from, laid_over

    chosen = {key: value for key, value in options.items() if value is not None}
    given = laid_over(said.model_dump(exclude_unset=True), chosen)
    values = recorded.model_dump(exclude_none=True)
    del values["budget"]
    if given.get("benchmark", recorded.benchmark) != recorded.benchmark:
        del values["tasks"]  # they are the other benchmark's
    return config_from(laid_over(values, given), source="command line")


def _replayed(
    reader: "RunReader", agent: "AgentId", config: "RunConfig", directory: Path, console: "Console"
) -> "list[Replayed]":
    from rich.text import Text

    from dgm.archive.ledger import FileLedger
    from dgm.evolution.replay import Replayed
    from dgm.evolution.replay import replay as replay_agent
    from dgm.wiring import replay_bench

    code = reader.code(agent)
    results: dict[int, Replayed] = {}
    wanted: list[Measurement] = []
    try:
        with (
            FileLedger(directory / "calls.jsonl") as ledger,
            replay_bench(config, directory, ledger, say=lambda text: console.print(Text(text))) as (bench, executor),
        ):
            wanted += [(task.id, trial) for task in bench.benchmark.tasks() for trial in range(config.trials)]
            for result in replay_agent(agent, code, wanted, bench=bench, executor=executor):
                results[result.number] = result
                task, trial = result.measurement
                verdict = result.outcome.verdict.value if result.outcome else f"not measured: {result.fault}"
                console.print(Text(f"{len(results)}/{len(wanted)}  {task}  trial {trial}  {verdict}"))
    except KeyboardInterrupt:
        if not results:
            raise
    # What was measured is paid for, so it is kept.
    return [
        results.get(number, Replayed(number, measurement, None, _INTERRUPTION))
        for number, measurement in enumerate(wanted)
    ]


def _answer(
    reader: "RunReader", agent: "AgentId", config: "RunConfig", results: "Sequence[Replayed]"
) -> dict[str, Any]:
    measured = [result.outcome for result in results if result.outcome is not None]
    recorded = _recorded_verdicts(reader, agent, config)
    outcomes = [_outcome(result, recorded) for result in results]
    compared = [outcome for outcome in outcomes if outcome["recorded_verdict"] is not None and outcome["verdict"]]
    return {
        "run": reader.facts().name,
        "agent": agent,
        "benchmark": config.benchmark,
        "model": config.models.agent.model,
        "resolved": sum(outcome.resolved for outcome in measured),
        "attempted": len(measured),
        "as_recorded": sum(outcome["verdict"] == outcome["recorded_verdict"] for outcome in compared),
        "compared": len(compared),
        "outcomes": outcomes,
    }


def _recorded_verdicts(reader: "RunReader", agent: "AgentId", config: "RunConfig") -> dict[tuple[str, int], str]:
    """Return what the run found, where the replay asks the same: the same benchmark and the same model."""
    then = reader.config()
    if (then.benchmark, then.models.agent.model) != (config.benchmark, config.models.agent.model):
        return {}
    return {(outcome.task, outcome.trial): outcome.verdict.value for outcome in reader.outcomes()[agent]}


def _outcome(result: "Replayed", recorded: dict[tuple[str, int], str]) -> dict[str, Any]:
    from dgm.boundary.text import safe_line

    task, trial = result.measurement
    outcome = result.outcome
    return {
        "task": task,
        "trial": trial,
        "verdict": outcome.verdict.value if outcome else None,
        "summary": safe_line(outcome.summary if outcome else result.fault),
        "seconds": round(outcome.seconds, 3) if outcome else None,
        "cost_usd": outcome.usage.cost_usd if outcome else None,
        "recorded_verdict": recorded.get((task, trial)),
    }


def _print(console: "Console", answer: dict[str, Any], directory: Path) -> None:
    from rich.text import Text

    from dgm.cli.render import score_line, simulated_note
    from dgm.config import REHEARSAL
    from dgm.core.scores import Score

    score = Score(answer["resolved"], answer["attempted"])
    lines = [f"agent {answer['agent'][:7]} on {answer['benchmark']}: {score_line(score)}"]
    if missing := len(answer["outcomes"]) - answer["attempted"]:
        lines.append(f"{missing} could not be measured; they are not scored.")
    if answer["compared"]:
        lines.append(f"{answer['as_recorded']} of {answer['compared']} verdicts are as the run recorded them.")
    if answer["model"] == REHEARSAL:
        lines.append(simulated_note())
    lines.append(f"Results, transcripts and costs are in {directory}.")
    console.print(Text("\n".join(lines)))
