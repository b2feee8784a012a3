"""Where a provider's SDK is to call, and as whom."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connection:
    """One model of one endpoint."""

    name: str
    """What users and agents know the model by, such as "openai:gpt-5"."""
    model: str
    """The endpoint's own name for it, such as "gpt-5"."""
    api_key: str | None = field(repr=False)
    """None where the endpoint needs none."""
    base_url: str | None = None
    """The vendor's own unless given. The environment is not asked: `run.toml` says it all."""
    timeout_s: float = 600.0
    """For one call."""
    has_answered: bool = False
    """Whether it gave this run answers before, so that it is known to be set up rightly."""
