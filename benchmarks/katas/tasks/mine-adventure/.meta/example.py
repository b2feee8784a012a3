"""The rules of a small text adventure in an old mine: rooms, things, doors, light, and what the player says.

A game is a `World` and a player. `play(world, commands)` gives the answer to each command. Commands are a verb and,
for most verbs, the name of a direction or a thing: `go north`, `take lamp`, `put coin in chest`.
"""

DIRECTIONS = {"north": "south", "south": "north", "east": "west", "west": "east", "up": "down", "down": "up"}
SHORT = {"n": "north", "s": "south", "e": "east", "w": "west", "u": "up", "d": "down"}
SYNONYMS = {"get": "take", "grab": "take", "leave": "drop", "walk": "go", "x": "examine", "l": "look"}
SYNONYMS |= {"i": "inventory", "z": "wait"}
FILLERS = {"the", "a", "an", "to", "at", "my"}
MAX_WEIGHT = 20
LAMP_OIL = 30


class CannotDo(Exception):
    """What the player asked for is not possible; the message is the game's answer."""


# --- things ----------------------------------------------------------------


class Thing:
    """Something that lies in a room, in another thing, or is carried."""

    def __init__(self, name, text="", weight=1, fixed=False):
        self.name = name
        self.text = text or f"Nothing is special about the {name}."
        self.weight = weight
        self.fixed = fixed

    def total_weight(self):
        """Return the weight with everything inside."""
        return self.weight

    def find(self, name):
        """Return the thing of that name that this is or that can be reached inside it, or None."""
        return self if self.name == name else None


class Lamp(Thing):
    """A lamp that burns oil, one drop per turn."""

    def __init__(self, name="lamp", oil=LAMP_OIL):
        super().__init__(name, "A miner's lamp.", weight=3)
        self.oil = oil
        self.lit = False

    def burn(self):
        """Use up a drop of oil; return whether the lamp went out."""
        if not self.lit:
            return False
        self.oil -= 1
        if self.oil > 0:
            return False
        self.lit = False
        return True


class Chest(Thing):
    """A thing that can be opened, closed, locked and filled."""

    def __init__(self, name, key=None, room=10, weight=8, fixed=True):
        super().__init__(name, weight=weight, fixed=fixed)
        self.key = key
        self.room = room
        self.open = False
        self.locked = key is not None
        self.inside = []

    def total_weight(self):
        """Return the weight with everything inside."""
        return self.weight + sum(thing.total_weight() for thing in self.inside)

    def find(self, name):
        """Return the thing of that name that this is or that can be reached inside it, or None."""
        if self.name == name:
            return self
        if not self.open:
            return None
        return find_in(self.inside, name)

    def used_room(self):
        """Return how much of its room is taken."""
        return sum(thing.total_weight() for thing in self.inside)


def find_in(things, name):
    """Return the thing of that name among some things and what is reachable inside them, or None."""
    for thing in things:
        found = thing.find(name)
        if found is not None:
            return found
    return None


def remove_from(things, wanted):
    """Take a thing out of a list of things or of whatever holds it there; return whether it was found."""
    if wanted in things:
        things.remove(wanted)
        return True
    return any(isinstance(thing, Chest) and remove_from(thing.inside, wanted) for thing in things)


def listed(names):
    """Return names as a sentence lists them: "a coin, a rope and a lamp"."""
    names = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


# --- rooms -----------------------------------------------------------------


class Door:
    """A way between two rooms that can be locked."""

    def __init__(self, target, key=None):
        self.target = target
        self.key = key
        self.locked = key is not None


class Room:
    """A place in the mine."""

    def __init__(self, name, text, dark=False):
        self.name = name
        self.text = text
        self.dark = dark
        self.doors = {}
        self.things = []
        self.visited = False

    def exits(self):
        """Return the directions in which there is a door, in alphabetical order."""
        return sorted(self.doors)


class World:
    """All rooms, and the player in one of them."""

    def __init__(self):
        self.rooms = {}
        self.here = None
        self.carried = []
        self.score = 0
        self.turns = 0

    def add_room(self, name, text, dark=False):
        """Add a room; the player starts in the first one."""
        room = Room(name, text, dark)
        self.rooms[name] = room
        if self.here is None:
            self.here = room
            room.visited = True
        return room

    def connect(self, first, direction, second, key=None):
        """Make a door between two rooms; a key locks it from both sides."""
        self.rooms[first].doors[direction] = Door(self.rooms[second], key)
        self.rooms[second].doors[DIRECTIONS[direction]] = Door(self.rooms[first], key)

    def has_light(self):
        """Return whether the player can see: the room is light, or a lit lamp is carried or lies here."""
        if not self.here.dark:
            return True
        near = self.carried + self.here.things
        return any(isinstance(thing, Lamp) and thing.lit for thing in near)

    def weight(self):
        """Return the weight of all that the player carries."""
        return sum(thing.total_weight() for thing in self.carried)

    def reachable(self, name):
        """Return the thing of that name that the player can touch."""
        found = find_in(self.carried, name)
        if found is None and self.has_light():
            found = find_in(self.here.things, name)
        if found is None:
            raise CannotDo(f"You see no {name} here.")
        return found

    def carried_thing(self, name):
        """Return the thing of that name that the player carries."""
        found = find_in(self.carried, name)
        if found is None:
            raise CannotDo(f"You have no {name}.")
        return found


# --- commands --------------------------------------------------------------


def parse(command):
    """Return the verb and the other words of a command, without fillers and short forms."""
    words = [word for word in command.lower().split() if word not in FILLERS]
    if not words:
        return "wait", []
    if words[0] in SHORT:
        words = ["go", SHORT[words[0]], *words[1:]]
    if words[0] in DIRECTIONS:
        words = ["go", *words]
    if words[:2] == ["pick", "up"]:
        words = ["take", *words[2:]]
    verb = SYNONYMS.get(words[0], words[0])
    rest = [SHORT.get(word, word) if verb == "go" else word for word in words[1:]]
    return verb, rest


def describe(world):
    """Return what the player sees."""
    if not world.has_light():
        return "It is too dark to see anything."
    parts = [f"{world.here.name}. {world.here.text}"]
    if world.here.things:
        parts.append(f"You see {listed([thing.name for thing in world.here.things])}.")
    if world.here.exits():
        parts.append(f"Ways lead {', '.join(world.here.exits())}.")
    return " ".join(parts)


def do_look(world, words):
    """Look around, or at something."""
    if words:
        return do_examine(world, words)
    return describe(world)


def do_examine(world, words):
    """Look at a thing; open chests show what is inside."""
    thing = world.reachable(needed(words, "Examine what?"))
    if isinstance(thing, Chest):
        if not thing.open:
            return f"The {thing.name} is closed."
        if not thing.inside:
            return f"The {thing.name} is empty."
        return f"In the {thing.name} you see {listed([item.name for item in thing.inside])}."
    if isinstance(thing, Lamp):
        return f"{thing.text} It is {'lit' if thing.lit else 'dark'}, with {thing.oil} drops of oil."
    return thing.text


def do_go(world, words):
    """Go through a door."""
    direction = needed(words, "Go where?")
    if direction not in DIRECTIONS:
        raise CannotDo(f"{direction} is not a direction.")
    door = world.here.doors.get(direction)
    if door is None:
        raise CannotDo("There is no way in that direction.")
    if door.locked:
        raise CannotDo("The door is locked.")
    world.here = door.target
    if not world.has_light():
        return describe(world)
    if world.here.visited:
        return f"{world.here.name}."
    world.here.visited = True
    world.score += 5
    return describe(world)


def do_take(world, words):
    """Take a thing, out of an open chest if need be."""
    name = needed(words, "Take what?")
    thing = world.reachable(name)
    if thing in world.carried:
        raise CannotDo(f"You have the {name} already.")
    if thing.fixed:
        raise CannotDo(f"The {name} does not move.")
    inside_carried = find_in(world.carried, name) is thing
    if not inside_carried and world.weight() + thing.total_weight() > MAX_WEIGHT:
        raise CannotDo(f"The {name} is too heavy with all that you carry.")
    if not remove_from(world.carried, thing):
        remove_from(world.here.things, thing)
    world.carried.append(thing)
    return f"You take the {name}."


def do_drop(world, words):
    """Put a carried thing on the floor."""
    thing = world.carried_thing(needed(words, "Drop what?"))
    remove_from(world.carried, thing)
    world.here.things.append(thing)
    return f"You drop the {thing.name}."


def do_put(world, words):
    """Put a carried thing into an open chest: `put coin in chest`."""
    if len(words) != 3 or words[1] not in ("in", "into"):
        raise CannotDo("Put what into what?")
    thing = world.carried_thing(words[0])
    chest = world.reachable(words[2])
    if not isinstance(chest, Chest):
        raise CannotDo(f"Nothing fits into the {chest.name}.")
    if not chest.open:
        raise CannotDo(f"The {chest.name} is closed.")
    if thing is chest or thing.find(chest.name) is chest:
        raise CannotDo("That would be a strange knot in the world.")
    if chest.used_room() + thing.total_weight() > chest.room:
        raise CannotDo(f"There is no room for the {thing.name}.")
    remove_from(world.carried, thing)
    chest.inside.append(thing)
    return f"You put the {thing.name} into the {chest.name}."


def do_open(world, words):
    """Open a chest."""
    thing = world.reachable(needed(words, "Open what?"))
    if not isinstance(thing, Chest):
        raise CannotDo(f"The {thing.name} cannot be opened.")
    if thing.locked:
        raise CannotDo(f"The {thing.name} is locked.")
    thing.open = True
    return f"You open the {thing.name}."


def do_close(world, words):
    """Close a chest."""
    thing = world.reachable(needed(words, "Close what?"))
    if not isinstance(thing, Chest):
        raise CannotDo(f"The {thing.name} cannot be closed.")
    thing.open = False
    return f"You close the {thing.name}."


def do_unlock(world, words):
    """Unlock a chest, or the door in a direction, with the right key among the things carried."""
    name = needed(words, "Unlock what?")
    if name in DIRECTIONS:
        return unlock_door(world, name)
    thing = world.reachable(name)
    if not isinstance(thing, Chest) or not thing.locked:
        raise CannotDo(f"The {name} is not locked.")
    if find_in(world.carried, thing.key) is None:
        raise CannotDo("You have no key that fits.")
    thing.locked = False
    return f"You unlock the {name}."


def unlock_door(world, direction):
    """Unlock a door; it is the same door from the other side."""
    door = world.here.doors.get(direction)
    if door is None:
        raise CannotDo("There is no way in that direction.")
    if not door.locked:
        raise CannotDo("The door is not locked.")
    if find_in(world.carried, door.key) is None:
        raise CannotDo("You have no key that fits.")
    door.locked = False
    door.target.doors[DIRECTIONS[direction]].locked = False
    return f"You unlock the door {direction}."


def do_light(world, words):
    """Light a lamp."""
    lamp = world.carried_thing(needed(words, "Light what?"))
    if not isinstance(lamp, Lamp):
        raise CannotDo(f"The {lamp.name} does not burn.")
    if lamp.oil <= 0:
        raise CannotDo("There is no oil left.")
    lamp.lit = True
    return f"The {lamp.name} burns."


def do_inventory(world, words):
    """Tell what the player carries."""
    if not world.carried:
        return "You carry nothing."
    return f"You carry {listed([thing.name for thing in world.carried])}."


def do_wait(world, words):
    """Do nothing."""
    return "Time passes."


VERBS = {
    "look": do_look,
    "examine": do_examine,
    "go": do_go,
    "take": do_take,
    "drop": do_drop,
    "put": do_put,
    "open": do_open,
    "close": do_close,
    "unlock": do_unlock,
    "light": do_light,
    "inventory": do_inventory,
    "wait": do_wait,
}
FREE = {"look", "examine", "inventory"}


def needed(words, question):
    """Return the first word, or ask for it."""
    if not words:
        raise CannotDo(question)
    return words[0]


def answer(world, command):
    """Return the game's answer to a command. What succeeds takes a turn, unless it is free."""
    verb, words = parse(command)
    if verb not in VERBS:
        return f"You do not know how to {verb}."
    try:
        text = VERBS[verb](world, words)
    except CannotDo as problem:
        return str(problem)
    if verb in FREE:
        return text
    world.turns += 1
    return " ".join([text, *lamps_out(world)])


def lamps_out(world):
    """Let every lamp burn for a turn, wherever it is; return a sentence for each the player sees going out."""
    sentences = []
    for lamp in all_lamps(world.carried):
        if lamp.burn():
            sentences.append(f"Your {lamp.name} goes out.")
    for room in world.rooms.values():
        for lamp in all_lamps(room.things):
            if lamp.burn() and room is world.here:
                sentences.append(f"The {lamp.name} goes out.")
    return sentences


def all_lamps(things):
    """Return the lamps among some things, those inside chests included."""
    lamps = []
    for thing in things:
        if isinstance(thing, Lamp):
            lamps.append(thing)
        elif isinstance(thing, Chest):
            lamps += all_lamps(thing.inside)
    return lamps


def play(world, commands):
    """Return the answers to some commands."""
    return [answer(world, command) for command in commands]
