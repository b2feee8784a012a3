"""Every error of ours, in one tree.

    DgmError
    ├── UsageError               what the user asked for cannot be done; exit code 2
    │   ├── UnknownNameError     no run, agent, task, benchmark, policy or model of that name
    │   ├── ConfigError          a configuration with an unknown key or a wrong value
    │   ├── MalformedContentError  a seed agent, a task directory or a dataset that is not as it must be
    │   └── RunEndedError        a person's command came when the run had just ended
    ├── ArchiveError             the run directory cannot be used; exit code 3
    │   ├── RunExistsError       a new run must not overwrite an old one
    │   ├── RunInUseError        another process writes to this run
    │   ├── CorruptArchiveError  facts or code that cannot be read
    │   └── NewerArchiveError    written by a newer version of dgm
    ├── InfrastructureError      a fault of ours or of the machine: never scored, retried, then reported; exit code 4
    │   ├── EngineUnavailableError  no Docker engine answers
    │   ├── SandboxError         a container could not be made, limited, used or removed
    │   ├── DiskFullError        less free space than a session needs
    │   ├── FetchError           a repository or a dataset could not be fetched, or is not what it must be
    │   ├── BrokenHarnessError   a control has another verdict than the known one, so that no score can be believed
    │   └── ProviderError        a model's provider failed; `ProviderRefusedError` when trying again cannot help
    ├── OutOfBudgetError         the run's cap on money, tokens or calls is reached: not measured, not scored
    └── HostileBytesError        bytes from a container that `dgm.boundary` refused: the agent's failure

An agent's failure is a value (a verdict or a rejection), so the last one never leaves `dgm.evolution`.
"""


class DgmError(Exception):
    """One sentence for the user: what is wrong and what to do."""

    exit_code = 1


class UsageError(DgmError):
    """What the user asked for cannot be done."""

    exit_code = 2


class UnknownNameError(UsageError):
    """Nothing is called that, or more than one thing is."""


class ConfigError(UsageError):
    """The configuration has an unknown key or a wrong value."""


class MalformedContentError(UsageError):
    """A seed agent, a task directory or a dataset is not as it must be; the message names the file."""


class RunEndedError(UsageError):
    """A command to a run came when it had just ended; nothing of it was carried out."""


class ArchiveError(DgmError):
    """The run directory cannot be used."""

    exit_code = 3


class RunExistsError(ArchiveError):
    """A new run would overwrite an old one."""


class RunInUseError(ArchiveError):
    """Another process writes to this run."""


class CorruptArchiveError(ArchiveError):
    """Facts or code in the run directory cannot be read."""


class NewerArchiveError(ArchiveError):
    """The run was written by a newer version of dgm."""


class InfrastructureError(DgmError):
    """A fault of ours or of the machine; never an agent's score."""

    exit_code = 4


class EngineUnavailableError(InfrastructureError):
    """No Docker engine answers, or it refuses this user."""


class SandboxError(InfrastructureError):
    """A container could not be made, limited, used or removed."""


class DiskFullError(InfrastructureError):
    """Less free disk space than a session needs."""


class FetchError(InfrastructureError):
    """A repository or a dataset could not be fetched, or what came is not what it must be."""


class BrokenHarnessError(InfrastructureError):
    """A control has another verdict than the known one: nothing that is measured now can be believed."""


class ProviderError(InfrastructureError):
    """A model's provider failed; trying again may help."""


class ProviderRefusedError(ProviderError):
    """A model's provider refused (key, model name, policy): trying again cannot help."""


class OutOfBudgetError(DgmError):
    """The run's cap is reached; what is not measured yet stays not measured."""

    exit_code = 5


class HostileBytesError(DgmError):
    """Bytes that came out of a container are not what they must be."""
