"""Shows the wear of the old post office's lock drum, pin by pin, and what is engraved on its rim."""


class Drum:
    """A drum of pins whose positions follow from how often it was turned."""

    def __init__(self, turns):
        self.state = turns

    def turn(self, positions):
        self.state = (self.state * 16807) % (2**31 - 1)
        return self.state % positions

    def shuffled(self, letters):
        letters = list(letters)
        for place in range(len(letters) - 1, 0, -1):
            other = self.turn(place + 1)
            letters[place], letters[other] = letters[other], letters[place]
        return "".join(letters)


def main():
    drum = Drum(1889)
    for pin in range(1, 451):
        wear = drum.turn(1000) / 10
        tone = ("bright", "dull", "rusty", "bent", "loose")[drum.turn(5)]
        print(f"pin {pin:03d}: worn to {wear:5.1f} percent, looks {tone}, last oiled in {1900 + drum.turn(99)}")
    alphabet = "".join(chr(code) for code in range(ord("a"), ord("z") + 1))
    print("-" * 40)
    print("the rim carries two rows of letters")
    print(f"engraved: {drum.shuffled(alphabet)} / start at {drum.turn(25) + 1}")
    print("-" * 40)


if __name__ == "__main__":
    main()
