"""The verb `estimate`: what a run would cost. It needs no key, no Docker and no network."""

from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.evolving import (
    Ablation,
    Adaptive,
    BaseUrl,
    Benchmark,
    BestTrials,
    Children,
    Config,
    DiagnoseModel,
    Evaluations,
    Holdout,
    ImproveModel,
    Interest,
    MaxCost,
    MaxStepCost,
    MergeRate,
    Model,
    NoMemory,
    PaperDiagnosis,
    Policy,
    PolyglotDir,
    RunsDirectory,
    Seed,
    SweBenchDataset,
    SweBenchStock,
    Tasks,
    Trials,
    UnknownPrice,
    Workers,
)
from dgm.cli.settings import diagnosis_options, run_settings, search_options, swebench_options

if TYPE_CHECKING:
    from pathlib import Path

    from dgm.cli.basis import Basis
    from dgm.config import RunConfig


def estimate(
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Use this run's averages; else the newest finished one's like it."),
    ] = None,
    config: Config = None,
    benchmark: Benchmark = None,
    tasks: Tasks = None,
    polyglot_dir: PolyglotDir = None,
    swebench_dataset: SweBenchDataset = None,
    swebench_stock: SweBenchStock = False,
    model: Model = None,
    improve_model: ImproveModel = None,
    diagnose_model: DiagnoseModel = None,
    base_url: BaseUrl = None,
    unknown_price: UnknownPrice = None,
    policy: Policy = None,
    ablation: Ablation = None,
    children: Children = None,
    evaluations: Evaluations = None,
    trials: Trials = None,
    best_trials: BestTrials = None,
    adaptive: Adaptive = False,
    holdout: Holdout = None,
    merge_rate: MergeRate = None,
    interest: Interest = False,
    no_memory: NoMemory = False,
    paper_diagnosis: PaperDiagnosis = False,
    workers: Workers = None,
    seed: Seed = None,
    max_cost: MaxCost = None,
    max_step_cost: MaxStepCost = None,
    runs_dir: RunsDirectory = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate what `run` with the same options would use: sessions, tokens, dollars and hours, each with a range.

    The averages are those of a run that was measured, else assumed ones, or rehearsals' with the simulated model.

    For example: dgm estimate --benchmark polyglot --tasks stage:1 --from polyglot-1
    """
    from dgm.benchmarks.catalogue import outline_of
    from dgm.cli import screen
    from dgm.cli.answers import json_text
    from dgm.cli.estimate_views import estimate_answer, estimate_view
    from dgm.cli.forecast import forecast, new_run_ahead
    from dgm.cli.pull_plans import pull_answer, pull_plan, pull_words
    from dgm.wiring import policy_of, prices_now

    settings = run_settings(
        config,
        benchmark=benchmark,
        tasks=tasks,
        polyglot_dir=polyglot_dir,
        swebench=swebench_options(swebench_dataset, stock=swebench_stock),
        model=model,
        improve_model=improve_model,
        diagnose_model=diagnose_model,
        base_url=base_url,
        unknown_price=unknown_price,
        policy=policy,
        children=children,
        workers=workers,
        seed=seed,
        trials=trials,
        search=search_options(
            ablation=ablation,
            evaluations=evaluations,
            holdout=holdout,
            adaptive=adaptive,
            best_trials=best_trials,
            merge_rate=merge_rate,
        ),
        diagnoses=diagnosis_options(interest=interest, no_memory=no_memory, paper=paper_diagnosis),
        max_cost=max_cost,
        max_step_cost=max_step_cost,
    )
    policy_of(settings)
    outline = outline_of(settings)
    stages = outline.stages()
    prices = prices_now(settings)
    basis = _basis(from_, settings, runs_dir)
    found = forecast(settings, prices, basis, new_run_ahead(settings, stages))
    plan = pull_plan(settings, outline)
    if json_:
        typer.echo(json_text(estimate_answer(found) | {"task_images": pull_answer(plan)}))
    else:
        screen.show(estimate_view(found), *([] if plan is None else [pull_words(plan)]))


def _basis(named: str | None, settings: "RunConfig", runs_dir: "Path | None") -> "Basis":
    from dgm.archive.reader import read_run
    from dgm.cli.basis import basis_for, basis_from
    from dgm.cli.runs import existing_run_directory

    if named is None:
        return basis_for(settings, runs=runs_dir)
    with read_run(existing_run_directory(named, runs=runs_dir)) as run:
        return basis_from(run, settings)
