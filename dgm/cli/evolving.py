"""The verbs that evolve: run and resume."""

from pathlib import Path
from typing import Annotated

import typer

from dgm.cli.intervening import went_on
from dgm.cli.settings import diagnosis_options, run_settings, said_now, search_options, swebench_options
from dgm.core.oversight import Approval

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
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help="What chooses parents and evaluations: auto, dgm, dgm-adaptive, hgm, map-elites, pareto, random, "
        "score-proportional, or one that was installed.",
    ),
]
Ablation = Annotated[
    str | None,
    typer.Option(
        "--ablation",
        metavar="NAME",
        help="What to leave out of policy dgm or dgm-adaptive: no-self-improve, no-open-ended or greedy.",
    ),
]
Evaluations = Annotated[
    int | None,
    typer.Option(
        "--evaluations",
        metavar="N",
        min=1,
        help="End after so many measurements of an agent on a task; what policies hgm and auto divide.",
    ),
]
Trials = Annotated[int | None, typer.Option("--trials", metavar="N", min=1, help="How often each task is tried.")]
BestTrials = Annotated[
    int | None,
    typer.Option(
        "--best-trials", metavar="N", min=0, help="How often it is tried with the best agent of the time, if more."
    ),
]
Holdout = Annotated[
    float | None,
    typer.Option(
        "--holdout",
        metavar="SHARE",
        help="Hold out so much of the tasks from selection, such as 0.3; the seed agent and the best one are measured "
        "on that at the end.",
    ),
]
Adaptive = Annotated[
    bool,
    typer.Option(
        "--adaptive", help="Measure agents while they may still come to the top, not by the benchmark's thresholds."
    ),
]
MergeRate = Annotated[
    float | None,
    typer.Option("--merge-rate", metavar="SHARE", help="Let so much of the steps merge two parents, such as 0.2."),
]
Interest = Annotated[
    bool, typer.Option("--interest", help="Let a model judge whether a proposal is new, before it is paid for.")
]
NoMemory = Annotated[
    bool, typer.Option("--no-memory", help="Do not tell a diagnosis what was tried before, as in the paper.")
]
PaperDiagnosis = Annotated[
    bool,
    typer.Option(
        "--paper-diagnosis", help="Show a diagnosis the hidden tests, as in the paper; scores on them say less then."
    ),
]
OnTamper = Annotated[
    str | None,
    typer.Option(
        "--on-tamper",
        metavar="WORD",
        help="What becomes of a measurement in which the agent changed what could have steered its grading: flag shows "
        "and counts it, reject also lets it not count as resolved.",
    ),
]
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
        help="Only these: ids, patterns such as 'go/*', stages such as stage:1; of swebench also small, medium, big, "
        "repo:NAME, difficulty:WORDS; with commas.",
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
SweBenchDataset = Annotated[
    str | None,
    typer.Option(
        "--swebench-dataset",
        metavar="DATASET",
        help="Instances of SWE-bench: a name at Hugging Face, or a local .json, .jsonl or .parquet file; "
        "SWE-bench/SWE-bench_Verified unless given.",
    ),
]
SweBenchStock = Annotated[
    bool,
    typer.Option(
        "--swebench-stock",
        help="Grade in containers as SWE-bench's harness makes them: with a network, without our limits.",
    ),
]

Approve = Annotated[
    Approval | None,
    typer.Option(
        "--approve",
        help="Which children wait for `dgm review` before they first run: each, the first until one is approved, or "
        "never.",
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
    on_tamper: OnTamper = None,
    workers: Workers = None,
    seed: Seed = None,
    max_cost: MaxCost = None,
    max_step_cost: MaxStepCost = None,
    approve: Approve = None,
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
    from dgm.cli.foreground import evolve
    from dgm.cli.runs import new_run_directory
    from dgm.content import seed_agent_directory
    from dgm.wiring import new_run

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
        integrity={"on_tamper": on_tamper},
        max_cost=max_cost,
        max_step_cost=max_step_cost,
        approve=approve and approve.value,
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
    evaluations: Annotated[
        int | None,
        typer.Option(
            "--evaluations", metavar="N", min=1, help="End after so many measurements in all, those before included."
        ),
    ] = None,
    workers: Workers = None,
    max_cost: MaxCost = None,
    approve: Approve = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="TOML file that says again where providers and their keys are."),
    ] = None,
    base_url: BaseUrl = None,
    polyglot_dir: PolyglotDir = None,
    swebench_dataset: SweBenchDataset = None,
    swebench_stock: SweBenchStock = False,
    yes: Yes = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Go on with a run, or grow it further with --children, and with --evaluations where it ended at their bound.

    A run that is paused and under way is told to go on. Else nothing that is recorded is done or paid again, and
    choices are those of an uninterrupted run. What --children, --evaluations, --max-cost and --approve say is recorded
    and holds from then on. Of a --config file, only [openai], [anthropic], [endpoints], [polyglot]
    and, of [swebench], dataset and image_quota_bytes count, and [prices] as a word that the run's prices are right.
    """
    from dgm.archive.run import read_run
    from dgm.cli.confirming import confirm_resumed_run
    from dgm.cli.foreground import evolve
    from dgm.cli.runs import existing_run_directory
    from dgm.config import Bounds
    from dgm.wiring import resumed_run

    said = said_now(config, base_url, polyglot_dir, swebench_options(swebench_dataset, stock=swebench_stock))
    directory = existing_run_directory(run, runs=runs_dir)
    changes = (children, evaluations, workers, max_cost, approve, config, base_url, polyglot_dir, swebench_dataset)
    if went_on(directory, has_options=swebench_stock or changes.count(None) < len(changes), as_json=json_):
        return
    with read_run(directory) as reader:
        settings = reader.config()
        wanted = children if children is not None else reader.children_wanted()
    at_a_time = workers or settings.workers
    confirm = confirm_resumed_run(yes=yes, children=wanted, workers=at_a_time, runs=runs_dir)
    evolve(
        lambda say: resumed_run(
            directory,
            children=wanted,
            bounds=Bounds(max_cost, evaluations, approve and approve.value),
            said=said,
            say=say,
            confirm=confirm,
        ),
        directory=directory,
        children=wanted,
        workers=at_a_time,
        as_json=json_,
    )
