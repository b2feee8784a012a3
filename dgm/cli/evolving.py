"""The verbs that evolve: run and resume."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dgm.config import RunConfig

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or the path of its directory.")]
RunsDirectory = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir",
        metavar="DIR",
        help="Where runs are kept; archive/runs of a checkout or dgm-runs here unless given.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, progress on standard error.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="P:M", help="Model, such as openai:NAME; `rehearsal` needs no key.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="How many sandboxes work at a time.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", metavar="USD", help="The most that it may cost in all.")]


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the new run; the next free number unless given.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML file of settings; options here go before it.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="Benchmark that agents are measured on.")] = None,
    model: Model = None,
    policy: Annotated[str | None, typer.Option(help="How parents are chosen.")] = None,
    children: Annotated[int | None, typer.Option(min=0, help="How many children to grow.")] = None,
    workers: Workers = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every choice.")] = None,
    max_cost: MaxCost = None,
    seed_agent: Annotated[
        Path | None, typer.Option("--seed-agent", metavar="DIR", help="Start from this agent instead of the built-in.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Where the openai provider's protocol is served.")
    ] = None,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Evolve: grow a tree of agents that modify their own code.

    Without options: the embedded benchmark, the simulated model `rehearsal` (no key, no cost), 10 children. Ctrl-C lets
    what is in flight end and keeps all results; `dgm resume` goes on.
    """
    from dgm.cli.progress import evolve
    from dgm.cli.runs import new_run_directory
    from dgm.content import seed_agent_directory
    from dgm.wiring import new_run

    settings = _settings(
        config,
        {
            "benchmark": benchmark,
            "policy": policy,
            "children": children,
            "workers": workers,
            "seed": seed,
            "models.agent": model,
            "budget.max_cost_usd": max_cost,
            "openai.base_url": base_url,
        },
    )
    directory = new_run_directory(name, benchmark=settings.benchmark, runs=runs_dir)
    evolve(
        lambda say: new_run(directory, settings, seed_agent=seed_agent or seed_agent_directory(), say=say),
        directory=directory,
        children=settings.children,
        workers=settings.workers,
        as_json=json_,
    )


def resume(
    run: RunArgument,
    children: Annotated[int | None, typer.Option(min=0, help="Grow to this many children instead.")] = None,
    workers: Workers = None,
    max_cost: MaxCost = None,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Go on with a run, or grow it further with --children.

    Nothing that is recorded is done or paid again, and choices are those of an uninterrupted run.
    """
    from dgm.archive.run import read_run
    from dgm.cli.progress import evolve
    from dgm.cli.runs import existing_run_directory
    from dgm.wiring import resumed_run

    directory = existing_run_directory(run, runs=runs_dir)
    with read_run(directory) as reader:
        settings = reader.config()
        wanted = children if children is not None else reader.children_wanted()
    evolve(
        lambda say: resumed_run(directory, children=wanted, max_cost_usd=max_cost, say=say),
        directory=directory,
        children=wanted,
        workers=workers or settings.workers,
        as_json=json_,
    )


def _settings(config: Path | None, options: dict[str, Any]) -> "RunConfig":
    """Return the configuration of a file, or the default, with the options that were given laid over it."""
    from dgm.config import RunConfig, config_from, read_config

    settings = read_config(config) if config is not None else RunConfig()
    values = settings.model_dump(exclude_none=True)
    for dotted, value in options.items():
        if value is not None:
            *sections, key = dotted.split(".")
            section = values
            for name in sections:
                section = section.setdefault(name, {})
            section[key] = value
    return config_from(values, source="command line")
