"""The only composer: puts adapters behind the ports.

Nothing else knows both the algorithm and Docker.

    checking.py   the check of a whole run; checking_transcripts.py that transcripts agree with the books
    checkouts.py  where tasks lie that do not come with dgm
    parts.py      what runs and replays are put together from: sandbox, gateway, models, workers
    images.py     the images that a benchmark takes, and that they are the recorded ones
    runs.py       runs: new ones and those that go on
    commands.py   what persons say to a run that another process evolves, or that none does
    searching.py  what a run searches with: its policy, its goal, and what selection never sees
    replays.py    replays, with a model and with recorded answers
"""

from dgm.wiring.checkouts import require_stock_said, with_checkout
from dgm.wiring.commands import intervene, remove_stale_socket, review_step
from dgm.wiring.parts import Say, SystemClock, docker_sandbox, prices_now
from dgm.wiring.replays import check_replay, recorded_bench, replay_bench
from dgm.wiring.runs import ConfirmNew, ConfirmResumed, LiveRun, new_run, resumed_run
from dgm.wiring.searching import held_out_tasks, plan_of, policy_of

__all__ = [
    "ConfirmNew",
    "ConfirmResumed",
    "LiveRun",
    "Say",
    "SystemClock",
    "check_replay",
    "docker_sandbox",
    "held_out_tasks",
    "intervene",
    "new_run",
    "plan_of",
    "policy_of",
    "prices_now",
    "recorded_bench",
    "remove_stale_socket",
    "replay_bench",
    "require_stock_said",
    "resumed_run",
    "review_step",
    "with_checkout",
]
