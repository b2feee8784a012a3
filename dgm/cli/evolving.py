"""The verbs that evolve: run and resume."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML file of settings; options here go before it.")
]
Benchmark = Annotated[str | None, typer.Option("--benchmark", help="Benchmark that agents are measured on.")]
Policy = Annotated[str | None, typer.Option("--policy", help="How parents are chosen.")]
Children = Annotated[int | None, typer.Option("--children", min=0, help="How many children to grow.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of every choice.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="P:M", help="Model, such as openai:NAME; `rehearsal` needs no key.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="How many sandboxes work at a time.")]
ImproveModel = Annotated[
    str | None, typer.Option("--improve-model", metavar="P:M", help="For self-modification, if another than --model.")
]
DiagnoseModel = Annotated[
    str | None, typer.Option("--diagnose-model", metavar="P:M", help="For diagnoses, if another than --model.")
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where models openai:NAME are served, if not by OpenAI.")
]
UnknownPrice = Annotated[
    str | None,
    typer.Option(
        "--unknown-price",
        metavar="PRICE",
        help="Of a model whose price is not known: refuse, zero, or dollars per million tokens IN/OUT as 1.25/10.",
    ),
]
MaxCost = Annotated[float | None, typer.Option("--max-cost", metavar="USD", help="The most that it may cost in all.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Spend money without asking first.")]
MaxStepCost = Annotated[
    float | None,
    typer.Option("--max-step-cost", metavar="USD", help="The most that one self-modification may cost."),
]
Tasks = Annotated[
    str | None,
    typer.Option(
        "--tasks",
        metavar="TASKS",
        help="Only these: ids, patterns such as 'go/*', stages such as stage:1; with commas.",
    ),
]
PolyglotDir = Annotated[
    Path | None,
    typer.Option(
        "--polyglot-dir",
        metavar="DIR",
        resolve_path=True,
        help="Your clone of Polyglot's exercises; else where `dgm benchmarks fetch polyglot` puts one.",
    ),
]


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the new run; the next free number unless given.")
    ] = None,
    config: Config = None,
    benchmark: Benchmark = None,
    tasks: Tasks = None,
    polyglot_dir: PolyglotDir = None,
    model: Model = None,
    improve_model: ImproveModel = None,
    diagnose_model: DiagnoseModel = None,
    base_url: BaseUrl = None,
    unknown_price: UnknownPrice = None,
    policy: Policy = None,
    children: Children = None,
    workers: Workers = None,
    seed: Seed = None,
    max_cost: MaxCost = None,
    max_step_cost: MaxStepCost = None,
    seed_agent: Annotated[
        Path | None, typer.Option("--seed-agent", metavar="DIR", help="Start from this agent instead of the built-in.")
    ] = None,
    yes: Yes = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Evolve: grow a tree of agents that modify their own code.

    Without options: the embedded benchmark, the simulated model `rehearsal` (no key, no cost), 10 children. Ctrl-C lets
    what is in flight end and keeps all results; `dgm resume` goes on.

    For example: dgm run --benchmark polyglot --tasks stage:1 --children 3
    """
    from dgm.cli.confirming import confirm_new_run
    from dgm.cli.progress import evolve
    from dgm.cli.runs import new_run_directory
    from dgm.content import seed_agent_directory
    from dgm.wiring import new_run

    settings = run_settings(
        config,
        benchmark=benchmark,
        tasks=tasks,
        polyglot_dir=polyglot_dir,
        model=model,
        improve_model=improve_model,
        diagnose_model=diagnose_model,
        base_url=base_url,
        unknown_price=unknown_price,
        policy=policy,
        children=children,
        workers=workers,
        seed=seed,
        max_cost=max_cost,
        max_step_cost=max_step_cost,
    )
    directory = new_run_directory(name, benchmark=settings.benchmark, runs=runs_dir)
    code, confirm = seed_agent or seed_agent_directory(), confirm_new_run(yes=yes, runs=runs_dir)
    evolve(
        lambda say: new_run(directory, settings, seed_agent=code, say=say, confirm=confirm),
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
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="TOML file that says again where providers and their keys are."),
    ] = None,
    base_url: BaseUrl = None,
    polyglot_dir: PolyglotDir = None,
    yes: Yes = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Go on with a run, or grow it further with --children.

    Nothing that is recorded is done or paid again, and choices are those of an uninterrupted run. Of a --config file,
    only [openai], [anthropic], [endpoints] and [polyglot] count, and [prices] as a word that the run's prices are
    right.
    """
    from dgm.archive.run import read_run
    from dgm.cli.confirming import confirm_resumed_run
    from dgm.cli.progress import evolve
    from dgm.cli.runs import existing_run_directory
    from dgm.wiring import resumed_run

    said = said_now(config, base_url, polyglot_dir)
    directory = existing_run_directory(run, runs=runs_dir)
    with read_run(directory) as reader:
        settings = reader.config()
        wanted = children if children is not None else reader.children_wanted()
    at_a_time = workers or settings.workers
    confirm = confirm_resumed_run(yes=yes, children=wanted, workers=at_a_time, runs=runs_dir)
    evolve(
        lambda say: resumed_run(directory, children=wanted, max_cost_usd=max_cost, said=said, say=say, confirm=confirm),
        directory=directory,
        children=wanted,
        workers=at_a_time,
        as_json=json_,
    )


def said_now(config: Path | None, base_url: str | None, polyglot_dir: Path | None = None) -> "RunConfig":
    """Return what the user says beside a run's recorded settings; only what was said is set in it.

    Raises:
        ConfigError: something is wrong with it.
    """
    from dgm.config import config_from, laid_over, read_config

    values = {} if config is None else read_config(config).model_dump(exclude_unset=True)
    said = _given({"openai": {"base_url": base_url}, "polyglot": {"directory": polyglot_dir}})
    return config_from(laid_over(values, said), source="command line")


def run_settings(
    config: Path | None,
    *,
    benchmark: str | None,
    tasks: str | None,
    polyglot_dir: Path | None,
    model: str | None,
    improve_model: str | None,
    diagnose_model: str | None,
    base_url: str | None,
    unknown_price: str | None,
    policy: str | None,
    children: int | None,
    workers: int | None,
    seed: int | None,
    max_cost: float | None,
    max_step_cost: float | None,
) -> "RunConfig":
    """Return the configuration of a new run from a file and the options that go before it.

    Raises:
        ConfigError: something is wrong with them.
    """
    from dgm.config import RunConfig, config_from, laid_over, read_config

    options = {
        "benchmark": benchmark,
        "tasks": task_patterns(tasks),
        "polyglot": {"directory": polyglot_dir},
        "policy": policy,
        "children": children,
        "workers": workers,
        "seed": seed,
        "models": {
            "agent": {"model": model},
            "improve": {"model": improve_model},
            "diagnose": {"model": diagnose_model},
        },
        "openai": {"base_url": base_url},
        "unknown_price": None if unknown_price is None else _price_or_word(unknown_price),
        "budget": {"max_cost_usd": max_cost},
        "steps": {"max_cost_usd": max_step_cost},
    }
    settings = read_config(config) if config is not None else RunConfig()
    below = settings.model_dump(exclude_none=True)
    if unknown_price is not None:
        del below["unknown_price"]  # a price is one value: nothing of the file's stays beside the one said here
    settings = config_from(laid_over(below, _given(options)), source="command line")
    if base_url is not None:
        _require_openai(settings)
    return settings


def task_patterns(text: str | None) -> list[str] | None:
    """Return what --tasks says, as the configuration has it; None where nothing is said."""
    return None if text is None else [pattern.strip() for pattern in text.split(",")]


def _price_or_word(text: str) -> str | dict[str, float]:
    """Return what --unknown-price says as the configuration has it.

    Raises:
        ConfigError: it says nothing that can be meant.
    """
    from dgm.core.errors import ConfigError

    if text in {"refuse", "zero"}:
        return text
    if rates := re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", text, re.ASCII):
        return {"input_usd": float(rates[1]), "output_usd": float(rates[2])}
    raise ConfigError(
        f"--unknown-price {text}: say refuse, zero, or dollars per million input and output tokens as in 1.25/10."
    )


def _require_openai(settings: "RunConfig") -> None:
    from dgm.core.errors import ConfigError

    if not any(model.startswith("openai:") for model in settings.models.by_role().values()):
        raise ConfigError(
            "--base-url is where models openai:NAME are served, and none is named; addresses of other providers stand "
            "in a --config file."
        )


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, and the tables that any of them stand in."""
    tables = {
        key: _given(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for key, value in options.items()
    }
    return {key: value for key, value in tables.items() if value not in (None, {})}
