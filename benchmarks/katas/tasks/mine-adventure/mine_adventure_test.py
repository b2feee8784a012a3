import unittest

from mine_adventure import Chest, Lamp, Thing, World, listed, parse, play


def mine(oil=30):
    world = World()
    yard = world.add_room("Yard", "Rails rust in the grass.")
    world.add_room("Shaft", "Water drips.", dark=True)
    world.add_room("Office", "Dust on every shelf.")
    world.connect("Yard", "down", "Shaft")
    world.connect("Yard", "east", "Office", key="key")
    crate = Chest("crate", fixed=False, weight=2)
    yard.things += [Lamp(oil=oil), Thing("key"), Thing("anvil", weight=18), crate]
    return world


class MineAdventureTest(unittest.TestCase):
    def test_door_is_unlocked_from_both_sides(self):
        answers = play(mine(), ["take key", "unlock east", "e", "w"])
        self.assertEqual(answers[-1], "Yard.")

    def test_locked_door(self):
        self.assertEqual(play(mine(), ["east", "unlock east"]), ["The door is locked.", "You have no key that fits."])

    def test_carried_lamp_goes_out(self):
        self.assertEqual(play(mine(oil=2), ["get lamp", "light lamp", "z"])[-1], "Time passes. Your lamp goes out.")

    def test_lamp_on_the_floor_goes_out(self):
        self.assertEqual(play(mine(oil=3), ["get lamp", "light lamp", "drop lamp", "z"])[-1], "Time passes. The lamp goes out.")

    def test_lamp_in_a_crate_burns(self):
        world = mine(oil=9)
        play(world, ["get lamp", "light lamp", "open crate", "put lamp in crate", "close crate"])
        self.assertEqual(world.here.things[-1].inside[0].oil, 5)

    def test_lamp_in_a_carried_crate_goes_out(self):
        commands = ["take crate", "get lamp", "light lamp", "open crate", "put lamp into the crate", "wait"]
        self.assertEqual(play(mine(oil=4), commands)[-1], "Time passes. Your lamp goes out.")

    def test_lamp_elsewhere_goes_out_unseen(self):
        self.assertEqual(play(mine(oil=3), ["get lamp", "light lamp", "drop lamp", "down"])[-1], "It is too dark to see anything.")

    def test_looking_takes_no_turn(self):
        world = mine()
        play(world, ["look", "i", "x key", "take key"])
        self.assertEqual(world.turns, 1)

    def test_too_heavy(self):
        self.assertEqual(play(mine(), ["take lamp", "take anvil"])[-1], "The anvil is too heavy with all that you carry.")

    def test_look(self):
        self.assertEqual(
            play(mine(), ["take crate", "take anvil", "l"])[-1],
            "Yard. Rails rust in the grass. You see a lamp and a key. Ways lead down, east.",
        )

    def test_parse(self):
        self.assertEqual(parse("Pick up the LAMP"), ("take", ["lamp"]))

    def test_listed(self):
        self.assertEqual(listed(["axe", "rope"]), "an axe and a rope")
