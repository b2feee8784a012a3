"""Settings of a run, all of them together."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Tag, field_validator

from dgm.config.base import OTHER, WORD, Duration, Positive, PositiveFloat, Section, WordOrOther
from dgm.config.models import REHEARSAL, Address, Endpoint, Models, Parameters, Price

_PROVIDERS = {REHEARSAL, "openai", "anthropic"}


class Calls(Section):
    """How a provider is called."""

    patience_s: PositiveFloat = 900.0
    """How long one call is tried again while its provider fails or refuses for now."""
    concurrency: Positive = 64
    """Calls to one provider at a time; fewer while it says that it is overloaded."""
    silent_sessions: Positive = 10
    """That many sessions in a row without one good answer stop the run."""


class Rehearsal(Section):
    """The simulated model."""

    latency_s: float = Field(default=0.0, ge=0)
    """Added to every answer, to rehearse a run at a real model's pace."""


class Budget(Section):
    """Caps on the whole run; none where not given."""

    max_cost_usd: PositiveFloat | None = None
    max_tokens: Positive | None = None
    max_calls: Positive | None = None
    """But for those of probes, which cost nothing."""


class Steps(Section):
    """Caps on one step: its diagnosis and the session on the parent's own code; none where not given."""

    max_cost_usd: PositiveFloat | None = None
    max_tokens: Positive | None = None
    max_calls: Positive | None = None


class Sessions(Section):
    """Limits of one session: one agent at work in one sandbox."""

    task_timeout_s: Duration | None = None
    """For a task; unless given, 600 s, which is the paper's Polyglot limit, and 3,600 s on SWE-bench."""
    improve_timeout_s: Duration = 1800.0
    """For a self-modification; the paper's limit."""
    max_calls: Positive = 100
    max_tokens: Positive = 2_000_000
    max_cost_usd: PositiveFloat = 5.0
    max_output_tokens: Positive = 16_384
    """Of one answer; what a request asks for beyond it is lowered to it."""


class Search(Section):
    """Which parent to expand and which evaluation to pay for."""

    ablation: Literal["no-self-improve", "no-open-ended", "greedy"] | None = None
    """Of the policies dgm and dgm-adaptive: what the paper leaves out to see what it is good for."""
    evaluations: Positive | None = None
    """The run ends after so many; what policies hgm and auto divide between expanding and measuring."""
    holdout: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Share of the tasks that selection never sees; the seed agent and the best one are measured on them at the end."""
    stopping: Literal["stages", "adaptive"] = "stages"
    """How far agents are measured: as the benchmark's thresholds say, or while they can still come to the top."""
    stage_tops: bool = True
    """Of the thresholds: whether stages that a benchmark has for its best agents are for these alone, as in the paper.
    """
    top: Positive = 3
    """Of adaptive stopping: how many agents are the top."""
    least_chance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Of adaptive stopping: an agent is measured on while its chance to come to the top is at least this."""
    best_trials: Annotated[int, Field(ge=0, le=1_000)] = 0
    """How often the best agent of the time is tried on each task when nothing else is due; as `trials` when 0."""
    merge_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the self-modifications that merge the code of two parents."""


class Diagnoses(Section):
    """What the diagnosing model is told and asked."""

    memory: bool = True
    """Whether it is told what was tried before around the parent, and what came of it."""
    hidden_tests: bool = False
    """Whether it is shown the hidden tests, as in the paper (App. C.3)."""
    interest: bool = False
    """Whether a model judges if a proposal is new for the archive before it is paid for."""


class Integrity(Section):
    """What guards scores."""

    on_tamper: Literal["flag", "reject"] = "flag"
    """What is done about a measurement in which the agent changed what could steer its grading: it is shown and
    counted per agent, or does not count as resolved either. Nothing of what was changed is graded anyway."""
    control_tasks: Annotated[int, Field(ge=0, le=1_000)] = 2
    """Before a run starts or goes on, the base of so many of its tasks must not be resolved and the reference must."""
    control_every: Annotated[int, Field(ge=0)] = 50
    """During a run, the same with one task after so many measurements; never when 0."""


class Oversight(Section):
    """What a person has a say in."""

    approve: Literal["each", "first", "never"] = "never"
    """Which children wait to be seen by a person before they first run: each, until one is approved, or none."""


class SandboxLimits(Section):
    """Limits of one container."""

    memory_bytes: Annotated[int, Field(ge=256 * 2**20)] = 2048 * 2**20
    """Half of it is for files. Compilers need as much; where tasks are in Python alone, half will do."""
    cpus: PositiveFloat = 1.0
    pids: Annotated[int, Field(gt=0, le=4_096)] = 512
    runtime: str | None = None
    """OCI runtime such as "runsc"; the engine's default unless given."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1024 * 2**20
    """No session starts with less free disk than this."""


class Polyglot(Section):
    """The exercises of benchmark polyglot, which do not come with dgm."""

    directory: Annotated[Path | None, Field(strict=False)] = None
    """A checkout of their repository at the pinned revision, also from ~; where `dgm benchmarks fetch` puts one unless
    given."""

    @field_validator("directory")
    @classmethod
    def _from_home(cls, value: Path | None) -> Path | None:
        try:
            return value and value.expanduser()
        except RuntimeError:
            raise ValueError("this user has no home directory; give the whole path") from None


class SweBench(Section):
    """Benchmark swebench: where its instances are from and how they are judged."""

    dataset: str = "SWE-bench/SWE-bench_Verified"
    """Name of a dataset at Hugging Face, or a local .json, .jsonl or .parquet file, also from ~."""
    split: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = "test"
    """Of a dataset at Hugging Face."""
    records_hash: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the records that the run is measured with; set when it is made, so that no others are taken later."""
    hints: bool = False
    """Whether agents see the hints of an instance: the discussion that came before its solution."""
    stock: bool = False
    """Whether gradings run in containers as the official harness makes them: with a network, without limits."""
    grading_timeout_s: Duration = 1800.0
    """For one run of an instance's tests; the official harness's limit."""
    workspace_bytes: Annotated[int, Field(ge=64 * 2**20)] = 1024 * 2**20
    """What a repository and all that an agent adds to it may take, in memory, on top of `sandbox.memory_bytes`."""
    disk_bytes: Annotated[int, Field(ge=64 * 2**20)] = 8 * 2**30
    """What one grading may write to its container's disk."""
    image_quota_bytes: Annotated[int, Field(ge=2**30)] = 100 * 2**30
    """Of images that were pulled here; beyond it those that were not used for longest are removed."""


class RunConfig(Section):
    """Everything that a run's results hang on."""

    benchmark: str = "katas"
    tasks: tuple[str, ...] = Field(default=(), strict=False)
    """Only these tasks of the benchmark, in its order: ids, patterns such as "go/*", "stage:1"; all when empty."""
    policy: str = "dgm"
    children: Annotated[int, Field(ge=0)] = 10
    """How many children to grow; up to three times as many self-modifications are tried for that."""
    workers: Annotated[int, Field(gt=0, le=256)] = 2
    seed: int = 0
    trials: Annotated[int, Field(gt=0, le=1_000)] = 1
    """How often each task is tried."""
    models: Models = Models()
    prices: Mapping[str, Price] = {}
    """By `provider:model`; goes before the table of known prices."""
    unknown_price: Annotated[
        Annotated[Literal["refuse", "zero"], Tag(WORD)] | Annotated[Price, Tag(OTHER)], WordOrOther
    ] = "refuse"
    """What a model costs whose price is neither given nor known: nothing, a price, or it is not called."""
    parameters: Mapping[str, Parameters] = {}
    """By `provider:model`, where * stands for anything; goes before the built-in table."""
    openai: Address = Address()
    """The provider of models `openai:...`."""
    anthropic: Address = Address()
    """The provider of models `anthropic:...`."""
    endpoints: Mapping[str, Endpoint] = {}
    """Further providers by the name that stands before a model's colon."""
    calls: Calls = Calls()
    rehearsal: Rehearsal = Rehearsal()
    budget: Budget = Budget()
    steps: Steps = Steps()
    search: Search = Search()
    diagnoses: Diagnoses = Diagnoses()
    integrity: Integrity = Integrity()
    oversight: Oversight = Oversight()
    sessions: Sessions = Sessions()
    sandbox: SandboxLimits = SandboxLimits()
    polyglot: Polyglot = Polyglot()
    swebench: SweBench = SweBench()

    @field_validator("endpoints")
    @classmethod
    def _refuse_taken_names(cls, value: Mapping[str, Endpoint]) -> Mapping[str, Endpoint]:
        for name, endpoint in value.items():
            if name in _PROVIDERS:
                raise ValueError(f"{name} is there already; choose another name")
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
                raise ValueError(f"{name!r} cannot be a name; take letters, digits, - and _")
            if endpoint.base_url is None:
                raise ValueError(f"{name} needs a base_url")
        return value

    def endpoint(self, provider: str) -> Endpoint | None:
        """Return the endpoint of a provider's name, None if there is none."""
        match provider:
            case "openai":
                return Endpoint(protocol="openai", **self.openai.model_dump())
            case "anthropic":
                return Endpoint(protocol="anthropic", **self.anthropic.model_dump())
            case _:
                return self.endpoints.get(provider)
