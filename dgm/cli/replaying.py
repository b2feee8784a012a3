"""The verb `replay`: measures an archived agent again, in fresh sandboxes, outside the run's own facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgm.cli import exit_codes
from dgm.cli.evolving import (
    BaseUrl,
    Json,
    MaxCost,
    Model,
    PolyglotDir,
    RunArgument,
    RunsDirectory,
    SweBenchDataset,
    SweBenchStock,
    Tasks,
    Workers,
    Yes,
)
from dgm.cli.settings import said_now, swebench_options, task_patterns

if TYPE_CHECKING:
    from rich.console import Console

    from dgm.archive.reader import RunReader
    from dgm.cli.replay_results import Results
    from dgm.config import RunConfig
    from dgm.core.ids import AgentId
    from dgm.core.stages import Measurement
    from dgm.evolution.replay import Replayed

_OTHER_RECORDS = {"dataset", "split"}
"""Settings of swebench that mean other records than the run's."""


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
    tasks: Tasks = None,
    polyglot_dir: PolyglotDir = None,
    swebench_dataset: SweBenchDataset = None,
    swebench_stock: SweBenchStock = False,
    model: Model = None,
    base_url: BaseUrl = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How often each task is tried.")] = None,
    attempts: Annotated[
        int,
        typer.Option(
            min=1,
            max=2,
            help="2: where the first attempt fails, a second session is told what the hidden tests said, which holds "
            "text of them. As on Aider's leaderboard; reported apart from the score.",
        ),
    ] = 1,
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

    For example: dgm replay katas-1 d2420e5 --benchmark polyglot --tasks 'python/*' --attempts 2
    """
    from rich.text import Text

    from dgm.archive.reader import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.comparing import replay_recorded
    from dgm.cli.confirming import confirm_replay
    from dgm.cli.replay_results import answer_of, summary
    from dgm.cli.results import results_directory, write_result
    from dgm.cli.runs import existing_run_directory
    from dgm.cli.screen import console
    from dgm.wiring import check_replay, prices_now, with_checkout

    patterns, swebench = task_patterns(tasks), swebench_options(swebench_dataset, stock=swebench_stock)
    if recorded:
        _refuse_with_recorded(
            attempts=attempts if attempts > 1 else None,
            config=config,
            benchmark=benchmark,
            model=model,
            base_url=base_url,
            trials=trials,
            max_cost=max_cost,
        )
        said = said_now(None, None, polyglot_dir, swebench)
        with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
            settings = _as_then(reader, said, workers)
            raise typer.Exit(replay_recorded(reader, agent, patterns or [], config=settings, out=out, as_json=json_))
    options = {
        "benchmark": benchmark,
        "tasks": patterns,
        "models": {"agent": {"model": model}} if model else None,
        "trials": trials,
        "workers": workers,
        "budget": None if max_cost is None else {"max_cost_usd": max_cost},
    }
    said = said_now(config, base_url, polyglot_dir, swebench)
    screen = console(stderr=json_, steady=True)
    with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
        found = reader.agent_tree().find(agent)
        as_recorded = with_checkout(reader.config(), said)
        settings = replay_config(as_recorded, said, options)
        if attempts > 1:
            _require_exercises(settings.benchmark)
        _require_records_of(as_recorded, settings, said)
        wanted = check_replay(settings, said=said)
        confirm_replay(settings, prices_now(settings), sessions=wanted * attempts, yes=yes)
        screen.print(Text(f"replaying agent {found} of {reader.facts().name}"))
        directory = results_directory(out, reader.directory)
        results = _replayed(reader, found, settings, attempts, directory, screen)
        answer = answer_of(reader, found, results)
        try:
            write_result(directory, answer)
        finally:  # on a full disk, what is printed is all that there is
            if json_:
                typer.echo(json_text(answer))
            else:
                screen.print(*summary(found, results, answer, directory), sep="\n")
    if code := _exit_code(results.results):
        raise typer.Exit(code)


def _refuse_with_recorded(**options: object) -> None:
    """Refuse options that ask for something else than what was recorded."""
    from dgm.core.errors import UsageError

    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"--recorded repeats what the run did, with the answers that it got; it cannot go with {', '.join(given)}."
        )


def _require_exercises(benchmark: str) -> None:
    from dgm.benchmarks.catalogue import definition_named
    from dgm.core.errors import UsageError

    if definition_named(benchmark).dataset:
        raise UsageError(
            f"Benchmark {benchmark} has one attempt for each task, as on its leaderboard: its hidden tests are never "
            "shown; leave out --attempts 2."
        )


def _require_records_of(recorded: "RunConfig", settings: "RunConfig", said: "RunConfig") -> None:
    """Require the run's own records where its dataset is meant, whichever tasks of it are."""
    from dgm.benchmarks.catalogue import require_same_records

    if settings.benchmark == recorded.benchmark and not said.swebench.model_fields_set & _OTHER_RECORDS:
        require_same_records(recorded)


def _as_then(reader: "RunReader", said: "RunConfig", workers: int | None) -> "RunConfig":
    """Return the run's configuration with what hangs on this machine alone as it is now."""
    from dgm.wiring import require_stock_said, with_checkout

    settings = with_checkout(reader.config(), said)
    require_stock_said(settings, said)
    return settings if workers is None else settings.model_copy(update={"workers": workers})


def replay_config(recorded: "RunConfig", said: "RunConfig", options: dict[str, Any]) -> "RunConfig":
    """Return the run's configuration with what the user says and then the options laid over it.

    The run's own caps do not hold for a replay, and of its models only the agent's is asked. Records have to be those
    of the run only where the same are meant.
    """
    from dgm.config import Models, config_from, laid_over

    chosen = {key: value for key, value in options.items() if value is not None}
    given = laid_over(said.model_dump(exclude_unset=True), chosen)
    values = recorded.model_dump(exclude_none=True)
    del values["budget"]
    if given.get("benchmark", recorded.benchmark) != recorded.benchmark:
        del values["tasks"]  # they are the other benchmark's
    if "tasks" in given or given.get("swebench", {}).keys() & _OTHER_RECORDS:
        del values["swebench"]["records_hash"]
    settings = config_from(laid_over(values, given), source="command line")
    return settings.model_copy(update={"models": Models(agent=settings.models.agent)})


def _replayed(
    reader: "RunReader", agent: "AgentId", config: "RunConfig", attempts: int, directory: Path, console: "Console"
) -> "Results":
    from rich.text import Text

    from dgm.archive.ledger import FileLedger
    from dgm.cli.replay_results import Results, answer_of, progress_line
    from dgm.cli.results import kept_results
    from dgm.evolution.replay import INTERRUPTED, Replayed
    from dgm.evolution.replay import replay as replay_agent
    from dgm.wiring import replay_bench

    def say(text: str) -> None:
        console.print(Text(text))

    code = reader.code(agent)
    results: dict[int, Replayed] = {}
    wanted: list[Measurement] = []
    images: Mapping[str, str] = {}

    def found() -> Results:
        kept = [results.get(number, Replayed(number, one, None, INTERRUPTED)) for number, one in enumerate(wanted)]
        return Results(config, attempts, kept, images, ledger.spent().cost_usd)

    with (
        FileLedger(directory / "calls.jsonl") as ledger,
        kept_results(directory, lambda: answer_of(reader, agent, found()), results=results),
        replay_bench(config, directory, ledger, say=say) as (bench, executor, digests),
    ):
        images = digests
        wanted += [(task.id, trial) for task in bench.benchmark.tasks() for trial in range(config.trials)]
        for result in replay_agent(agent, code, wanted, bench=bench, executor=executor, attempts=attempts):
            results[result.number] = result
            say(progress_line(f"{len(results)}/{len(wanted)}", result))
    return found()


def _exit_code(results: "Sequence[Replayed]") -> int:
    from dgm.evolution.replay import INTERRUPTED

    seconds = [result.second for result in results if result.second is not None]
    faults = {each.fault for each in (*results, *seconds) if each.outcome is None}
    if INTERRUPTED in faults:
        return exit_codes.INTERRUPTED
    return exit_codes.NOT_MEASURED if faults else 0
