"""Which commit of dgm this is, for what is written to be cited."""

from dgm.content import content_root

_DIGITS = 7


def own_commit() -> str:
    """Return the commit that dgm is checked out at, with a word where files differ from it; "" if it is installed."""
    import git

    try:
        with git.Repo(content_root()) as repository:
            commit = repository.head.commit.hexsha[:_DIGITS]
            return f"{commit} with changes" if repository.is_dirty(untracked_files=True) else commit
    except (git.GitError, ValueError, OSError):  # no checkout, no commit yet, or another user's
        return ""
