"""What options and files of settings say, as a configuration."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from dgm.config import RunConfig


def swebench_options(dataset: str | None, *, stock: bool) -> dict[str, Any]:
    """Return what the options of benchmark swebench say, as the configuration has it."""
    return {"dataset": dataset, "stock": stock or None}


def search_options(
    *,
    ablation: str | None,
    evaluations: int | None,
    holdout: float | None,
    adaptive: bool,
    best_trials: int | None,
    merge_rate: float | None,
) -> dict[str, Any]:
    """Return what the options of [search] say, as the configuration has it."""
    return {
        "ablation": ablation,
        "evaluations": evaluations,
        "holdout": holdout,
        "stopping": "adaptive" if adaptive else None,
        "best_trials": best_trials,
        "merge_rate": merge_rate,
    }


def diagnosis_options(*, interest: bool, no_memory: bool, paper: bool) -> dict[str, Any]:
    """Return what the options of [diagnoses] say, as the configuration has it."""
    return {"interest": interest or None, "memory": False if no_memory else None, "hidden_tests": paper or None}


def said_now(
    config: Path | None,
    base_url: str | None,
    polyglot_dir: Path | None = None,
    swebench: dict[str, Any] | None = None,
) -> "RunConfig":
    """Return what the user says beside a run's recorded settings; only what was said is set in it.

    Raises:
        ConfigError: something is wrong with it.
    """
    from dgm.config import config_from, laid_over, read_config

    values = {} if config is None else read_config(config).model_dump(exclude_unset=True)
    options = {"openai": {"base_url": base_url}, "polyglot": {"directory": polyglot_dir}, "swebench": swebench}
    said = _given(options)
    return config_from(laid_over(values, said), source="command line")


def run_settings(
    config: Path | None,
    *,
    benchmark: str | None,
    tasks: str | None,
    polyglot_dir: Path | None,
    swebench: dict[str, Any],
    model: str | None,
    improve_model: str | None,
    diagnose_model: str | None,
    base_url: str | None,
    unknown_price: str | None,
    policy: str | None,
    children: int | None,
    workers: int | None,
    seed: int | None,
    trials: int | None,
    search: dict[str, Any],
    diagnoses: dict[str, Any],
    integrity: dict[str, Any] | None = None,
    max_cost: float | None,
    max_step_cost: float | None,
    approve: str | None = None,
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
        "swebench": swebench,
        "policy": policy,
        "children": children,
        "workers": workers,
        "seed": seed,
        "trials": trials,
        "search": search,
        "diagnoses": diagnoses,
        "integrity": integrity,
        "models": {
            "agent": {"model": model},
            "improve": {"model": improve_model},
            "diagnose": {"model": diagnose_model},
        },
        "openai": {"base_url": base_url},
        "unknown_price": None if unknown_price is None else _price_or_word(unknown_price),
        "budget": {"max_cost_usd": max_cost},
        "steps": {"max_cost_usd": max_step_cost},
        "oversight": {"approve": approve},
    }
    settings = read_config(config) if config is not None else RunConfig()
    below = settings.model_dump(exclude_none=True)
    if unknown_price is not None:
        del below["unknown_price"]  # a price is one value: nothing of the file's stays beside the one said here
    settings = config_from(laid_over(below, _given(options)), source="command line")
    if base_url is not None:
        _require_openai(settings)
    if _given(swebench):
        _require_swebench(settings)
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


def _require_swebench(settings: "RunConfig") -> None:
    from dgm.core.errors import ConfigError

    if settings.benchmark != "swebench":
        raise ConfigError("--swebench-dataset and --swebench-stock go with --benchmark swebench.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, and the tables that any of them stand in."""
    tables = {
        key: _given(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for key, value in options.items()
    }
    return {key: value for key, value in tables.items() if value not in (None, {})}
