"""The check of a whole run: what the archive knows, and that the gateway's transcripts agree with it."""

from collections.abc import Iterator
from pathlib import Path

from dgm.archive.checks import Finding, Subject, check
from dgm.archive.checks_money import MONEY
from dgm.archive.checks_results import RESULTS
from dgm.archive.checks_run import RUN
from dgm.archive.checks_tree import TREE
from dgm.core.errors import ArchiveError
from dgm.wiring.checking_transcripts import Books, books_of, check_transcripts, listed_transcripts

INVARIANTS = (*RUN, *TREE, *RESULTS, *MONEY)


def check_run(directory: Path) -> Iterator[Finding]:
    """Yield what is found of each invariant of a run, in the order of `INVARIANTS`, then of its transcripts.

    All facts are of one moment, also of a run that is alive. What is in a database that cannot be opened is not looked
    at; nor are transcripts where the books cannot be read.
    """
    listed = listed_transcripts(directory)  # before the moment: each of them then has its attempt among the facts
    try:
        subject = Subject(directory)
    except ArchiveError as error:
        yield Finding("database", "can be opened", 0, (str(error),))
        return
    with subject as run:
        books: Books | ArchiveError
        with run.reader.snapshot():
            for invariant in INVARIANTS:
                yield check(invariant, run)
            books = _books(run)
        if isinstance(books, ArchiveError):
            yield Finding("transcripts", "whole, and with each call in the books", 0, (str(books),))
        else:
            yield from check_transcripts(run, books, listed)


def _books(run: Subject) -> Books | ArchiveError:
    try:
        with run.facts.sound():
            return books_of(run)
    except ArchiveError as error:
        return error
