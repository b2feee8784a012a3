"""What of a run's search is not as by default, in words."""

from collections.abc import Iterator

from dgm.config import RunConfig

_HIDDEN_TESTS = "the diagnosing model is shown hidden tests, as in the paper: scores on them say less"


def hidden_tests_note(config: RunConfig) -> str:
    """Return what every screen of a run says whose diagnoses see hidden tests, "" for others."""
    return _HIDDEN_TESTS if config.diagnoses.hidden_tests else ""


def search_note(config: RunConfig) -> str:
    """Return one line on how a run's search differs from the default, "" where it does not."""
    return "; ".join(_differences(config))


def _differences(config: RunConfig) -> Iterator[str]:
    search, diagnoses = config.search, config.diagnoses
    if search.ablation is not None:
        yield f"ablation {search.ablation}"
    if search.evaluations is not None:
        yield f"at most {search.evaluations:,} evaluations"
    if config.trials > 1:
        yield f"{config.trials} trials of each task"
    if search.best_trials > config.trials:
        yield f"{search.best_trials} with the best agent of the time"
    if search.stopping == "adaptive":
        yield f"adaptive stopping: agents are measured while they may come to the top {search.top}"
    if search.holdout:
        yield f"{100 * search.holdout:.3g} % of the tasks held out from selection"
    if search.merge_rate:
        yield f"{100 * search.merge_rate:.3g} % of the steps merge two parents"
    if diagnoses.interest:
        yield "a model judges whether a proposal is new"
    if not diagnoses.memory:
        yield "diagnoses without memory of earlier steps"
