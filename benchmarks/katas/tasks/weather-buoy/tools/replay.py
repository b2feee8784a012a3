"""Replays the memory of the weather buoy: all readings, then the layout of its records."""

QUANTITIES = ("wind", "wave", "temp", "salt")


def mixed(seed):
    """Yield an endless stream of small numbers that only looks random."""
    while True:
        seed = (seed * 69069 + 1) % 2**32
        yield seed // 65536


def layout(stream):
    """Return the quantities in the order in which the buoy stores them."""
    rest = list(QUANTITIES)
    order = []
    while rest:
        order.append(rest.pop(next(stream) % len(rest)))
    return order


def main():
    stream = mixed(7177)
    for hour in range(480):
        voltage = 1100 + next(stream) % 200
        raw = " ".join(f"{next(stream) % 256:02x}" for _ in range(8))
        print(f"hour {hour:03d} | battery {voltage / 100:.2f} V | raw {raw} | crc ok")
    order = layout(stream)
    scale = 2 + next(stream) % 7
    print()
    print("end of memory, switching off radio")
    print("record layout: " + ", ".join(order) + f"; unit 1/{scale}; " + ("high", "low")[next(stream) % 2] + " byte first")
    print("bye")


if __name__ == "__main__":
    main()
