"""Takes memory, argv[1] MiB at most, and prints how much it got. Run as the agent's user; it is meant to be killed."""

import sys

held = []
while len(held) < int(sys.argv[1]):
    held.append(bytearray(b"x") * 2**20)
print(len(held))
