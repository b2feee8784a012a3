"""Adapter: a person's commands to a run that another process evolves, over a socket in the run's directory.

    address.py   where the socket lies: made, found and removed without following what somebody put in its place
    messages.py  what goes over it: one line of JSON each way
    server.py    the run's side: turns messages into commands at the engine's desk
    client.py    the other side: asks and gets the engine's sentence or its error

Weighed against two other ways to reach a running process. A directory that commands are dropped into, or a table of
the archive, needs no server; but the engine would have to look there all the time, a command for a run that was just
killed would lie there and be carried out by a later one, nobody would be told what came of it, and a second process
would write what has one writer. Signals reach a process at once; but they carry neither a reason nor the step that is
meant, a process id may have gone to somebody else, and they give no answer either. A socket is gone with its process,
the kernel says who speaks, and the answer is the engine's own.
"""
