"""Sessions in which a model says nothing: a few are chance, many in a row are a model that does not work here."""

import threading
from collections.abc import Callable

from dgm.core.errors import ProviderRefusedError
from dgm.gateway.provider import Completion


class Replies:
    """What came back to one session's calls, as far as it says whether the model works."""

    def __init__(self, *, heard: Callable[[], None] = lambda: None) -> None:
        """Begin; `heard` is called at each good answer."""
        self._heard = heard
        self._lock = threading.Lock()
        self._sent = 0
        self._refused = 0
        self._has_good = False

    def note_sent(self) -> None:
        """Count a call that is sent to the provider."""
        with self._lock:
            self._sent += 1

    def note_refused(self) -> None:
        """Count a call that the model does not take, which says nothing about the model."""
        with self._lock:
            self._refused += 1

    def note(self, completion: Completion) -> None:
        """Count an answer."""
        if not completion.is_empty:
            self._has_good = True
            self._heard()

    @property
    def are_good(self) -> bool:
        """Whether the model said something."""
        return self._has_good

    @property
    def are_silent(self) -> bool:
        """Whether it was asked and never said anything."""
        with self._lock:
            return self._sent > self._refused and not self._has_good


class Silence:
    """How many sessions in a row were silent, in the order in which they close, without a good answer in any other.

    Silent sessions are the first to close of those that begin together, so the good answers of the others count when
    they come: else chance alone would stop a run with many workers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._model = ""

    def heard(self) -> None:
        """Count anew: some session got a good answer."""
        with self._lock:
            self._in_a_row = 0

    def note(self, model: str, replies: Replies) -> None:
        """Count a session that closes; one that the model was never rightly asked in counts neither way."""
        with self._lock:
            if replies.are_good:
                self._in_a_row = 0
            elif replies.are_silent:
                self._in_a_row += 1
                self._model = model

    def require_answers(self) -> None:
        """Return if the model is worth another session.

        Raises:
            ProviderRefusedError: too many in a row were silent.
        """
        with self._lock:
            if self._in_a_row >= self._most:
                raise ProviderRefusedError(
                    f"The last {self._in_a_row} sessions got no answer from {self._model} but empty ones or failures; "
                    "`dgm show` and the transcripts tell more. Check the model and its parameters before going on."
                )
