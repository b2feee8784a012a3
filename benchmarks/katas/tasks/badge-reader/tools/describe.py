"""Prints the service log of a gate reader, from power-on to the end of its self-test."""


def numbers(state):
    """Yield pseudo-random numbers; the same on every machine."""
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield state >> 8


def main():
    source = numbers(20931)
    for step in range(520):
        register = next(source) % 4096
        value = next(source) % 65536
        word = ("steady", "settling", "drift", "nominal")[next(source) % 4]
        print(f"step {step:04d}  register 0x{register:03x}  value {value:5d}  {word}")
    modulus = 2 * 5 * 9 + 7
    first = next(source) % 6 + 3
    stride = next(source) % 4 + 2
    print()
    print("self-test finished, all registers within tolerance")
    print("badge check: " + f"weights start at {first} and grow by {stride}, modulus {modulus}")
    print("reader ready")


if __name__ == "__main__":
    main()
