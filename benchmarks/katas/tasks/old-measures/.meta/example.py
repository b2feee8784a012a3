"""Old and new measures: quantities with units, such as "3 ft 4 in", "12.5 kg" or "2 bushel/acre".

A unit is defined by a number and other units. All quantities are kept exactly, as fractions, in the base units metre (m),
kilogram (kg) and second (s), together with the powers in which these occur. Quantities of the same powers can be added
and compared; all can be multiplied and divided.
"""

from fractions import Fraction

BASE = ("m", "kg", "s")

DEFINITIONS = """
# length
cm = 1/100 m
mm = 1/1000 m
km = 1000 m
in = 254/100 cm
ft = 12 in
yd = 3 ft
fathom = 6 ft
furlong = 220 yd
mile = 8 furlong
league = 3 mile
# area and volume
acre = 4840 yd^2
ha = 10000 m^2
litre = 1/1000 m^3
gallon = 4.54609 litre
peck = 2 gallon
bushel = 8 gallon
# mass
g = 1/1000 kg
t = 1000 kg
lb = 0.45359237 kg
oz = 1/16 lb
stone = 14 lb
cwt = 8 stone
# time
min = 60 s
h = 60 min
day = 24 h
week = 7 day
# speed
knot = 1852 m/h
"""

PLURALS = {
    "feet": "ft",
    "foot": "ft",
    "inch": "in",
    "inches": "in",
    "yards": "yd",
    "miles": "mile",
    "fathoms": "fathom",
    "furlongs": "furlong",
    "leagues": "league",
    "acres": "acre",
    "litres": "litre",
    "gallons": "gallon",
    "bushels": "bushel",
    "stones": "stone",
    "days": "day",
    "weeks": "week",
    "hours": "h",
    "knots": "knot",
}


class UnitError(ValueError):
    """A unit that does not exist, or quantities that do not go together."""


# --- powers of the base units ------------------------------------------------


def no_powers():
    """Return the powers of a plain number."""
    return (0,) * len(BASE)


def powers_of(base):
    """Return the powers of one base unit."""
    return tuple(int(name == base) for name in BASE)


def added(one, other):
    """Return the powers of a product."""
    return tuple(a + b for a, b in zip(one, other))


def scaled(powers, times):
    """Return the powers of a quantity raised to a whole power."""
    return tuple(power * times for power in powers)


def show_powers(powers):
    """Return powers as text, such as "kg m s^-2"; empty for a plain number."""
    named = sorted(zip(BASE, powers))
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in named if power != 0)


# --- numbers -----------------------------------------------------------------


def parse_number(text):
    """Return the fraction in a text such as "12", "-2.5" or "3/4"."""
    top, slash, bottom = text.partition("/")
    try:
        number = Fraction(top)
        return number / Fraction(bottom) if slash else number
    except (ValueError, ZeroDivisionError):
        raise UnitError(f"{text} is not a number") from None


def is_number(text):
    """Return whether a text starts like a number."""
    return text.lstrip("+-")[:1].isdigit()


def show_number(number, decimals=2):
    """Return a fraction as text, rounded (halves up), without zeros at the end."""
    factor = 10**decimals
    rounded = (2 * abs(number) * factor + 1) // 2
    whole, rest = divmod(int(rounded), factor)
    text = str(whole)
    if rest:
        text += "." + f"{rest:0{decimals}d}".rstrip("0")
    return "-" + text if number < 0 and rounded else text


# --- quantities --------------------------------------------------------------


class Quantity:
    """A number of base units with their powers. Quantities never change."""

    def __init__(self, number, powers=None):
        self.number = Fraction(number)
        self.powers = no_powers() if powers is None else tuple(powers)

    def require_like(self, other):
        """Raise UnitError unless the other quantity measures the same thing."""
        if self.powers != other.powers:
            one, two = show_powers(self.powers) or "number", show_powers(other.powers) or "number"
            raise UnitError(f"{one} and {two} do not go together")

    def __add__(self, other):
        self.require_like(other)
        return Quantity(self.number + other.number, self.powers)

    def __sub__(self, other):
        self.require_like(other)
        return Quantity(self.number - other.number, self.powers)

    def __mul__(self, other):
        other = as_quantity(other)
        return Quantity(self.number * other.number, added(self.powers, other.powers))

    __rmul__ = __mul__

    def __truediv__(self, other):
        other = as_quantity(other)
        if other.number == 0:
            raise UnitError("nothing can be divided by zero")
        return Quantity(self.number / other.number, added(self.powers, scaled(other.powers, -1)))

    def __pow__(self, times):
        return Quantity(self.number**times, scaled(self.powers, times))

    def __neg__(self):
        return Quantity(-self.number, self.powers)

    def __eq__(self, other):
        return isinstance(other, Quantity) and (self.number, self.powers) == (other.number, other.powers)

    def __hash__(self):
        return hash((self.number, self.powers))

    def __lt__(self, other):
        self.require_like(other)
        return self.number < other.number

    def __le__(self, other):
        self.require_like(other)
        return self.number <= other.number

    def __bool__(self):
        return self.number != 0

    def __repr__(self):
        return f"{show_number(self.number, 6)} {show_powers(self.powers)}".rstrip()


def as_quantity(value):
    """Return a quantity; a number has no unit."""
    return value if isinstance(value, Quantity) else Quantity(value)


# --- the table of units ------------------------------------------------------


class Table:
    """Units by name. Every unit is known before it is used to define another."""

    def __init__(self, text=DEFINITIONS):
        self._units = {name: Quantity(1, powers_of(name)) for name in BASE}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if line:
                name, _, definition = line.partition("=")
                self.define(name.strip(), definition.strip())

    def define(self, name, definition):
        """Add a unit such as "furlong", defined as "220 yd"."""
        if not name.isalpha():
            raise UnitError(f"{name!r} cannot be the name of a unit")
        if name in self._units:
            raise UnitError(f"there is a unit {name} already")
        self._units[name] = self.parse(definition)

    def names(self, like=None):
        """Return the names of all units, or of those that measure the same as a quantity, the smallest first."""
        units = self._units.items()
        if like is not None:
            units = [(name, unit) for name, unit in units if unit.powers == like.powers]
        return [name for name, unit in sorted(units, key=lambda item: (item[1].number, item[0]))]

    def unit(self, name):
        """Return one of a unit, given by name or by its plural."""
        name = PLURALS.get(name, name)
        if name not in self._units:
            raise UnitError(f"there is no unit {name}")
        return self._units[name]

    # --- reading -----------------------------------------------------------

    def factor(self, text):
        """Return the quantity in a single factor such as "yd", "m^3", "s^-2" or "7"."""
        if is_number(text):
            return Quantity(parse_number(text))
        name, caret, power = text.partition("^")
        if not caret:
            return self.unit(name)
        try:
            return self.unit(name) ** int(power)
        except ValueError as error:
            raise UnitError(f"{text}: {error}") from error

    def product(self, text):
        """Return the quantity in a product such as "kg m/s^2"; all that follows a slash up to a space divides."""
        result = Quantity(1)
        for word in text.split():
            if is_number(word):
                result = result * parse_number(word)
                continue
            first, *divisors = word.split("/")
            result = result * self.factor(first)
            for divisor in divisors:
                result = result / self.factor(divisor)
        return result

    def parse(self, text):
        """Return the quantity in a text such as "5 ft 4 in" or "3 kg m/s^2".

        Every number starts a new part; the parts are added, so they must measure the same thing.
        """
        parts = []
        for word in text.split():
            if is_number(word) or not parts:
                parts.append([])
            parts[-1].append(word)
        if not parts:
            raise UnitError("there is no quantity in an empty text")
        total = self.product(" ".join(parts[0]))
        negative = parts[0][0].startswith("-")
        for part in parts[1:]:
            quantity = self.product(" ".join(part))
            # In "-5 ft 4 in" the sign belongs to all of it.
            total = total - quantity if negative else total + quantity
        return total

    # --- showing -----------------------------------------------------------

    def convert(self, quantity, unit):
        """Return how many of a unit (or product of units) a quantity is, as a fraction."""
        target = self.product(unit)
        quantity.require_like(target)
        return quantity.number / target.number

    def show(self, quantity, unit, decimals=2):
        """Return a quantity in one unit, such as "12.5 km/h"."""
        return f"{show_number(self.convert(quantity, unit), decimals)} {unit}"

    def spelled(self, quantity, unit):
        """Return a quantity with its unit spelled out, such as "3 feet"; a unit without a longer name stays as it is."""
        number = self.convert(quantity, unit)
        longer = [name for name, short in PLURALS.items() if short == unit]
        return f"{show_number(number)} {longer[0] if longer and number != 1 else unit}"

    def nearest(self, quantity, units):
        """Return which of some units is closest in size to a quantity, the smaller one of two as close."""
        return min(units, key=lambda name: (abs(self.unit(name).number - abs(quantity.number)), self.unit(name).number))

    def side_by_side(self, quantity, units, decimals=2):
        """Return a line for each unit with the quantity in it, aligned at the end of the numbers."""
        numbers = [show_number(self.convert(quantity, name), decimals) for name in units]
        width = max((len(number) for number in numbers), default=0)
        return [f"{number:>{width}} {name}" for number, name in zip(numbers, units)]

    def split(self, quantity, units):
        """Return a quantity as whole numbers of some units, largest first, and a fraction of the last one.

        The result is a list with one number per unit, in the order of the sizes of the units. A quantity below zero gives
        numbers of which none is above zero.
        """
        ordered = sorted(units, key=lambda name: -self.unit(name).number)
        sign = -1 if quantity.number < 0 else 1
        rest = quantity * sign
        numbers = []
        for name in ordered[:-1]:
            whole = self.convert(rest, name) // 1
            rest = rest - self.unit(name) * whole
            numbers.append(sign * whole)
        numbers.append(sign * self.convert(rest, ordered[-1]))
        return numbers

    def mixed(self, quantity, units, decimals=0):
        """Return a quantity in several units, such as "5 ft 4 in", with the last unit rounded.

        Units of which there are none are left out; if nothing remains it is zero of the smallest. Rounding never
        shows a full larger unit: 11.9 in are "1 ft", not "12 in".
        """
        ordered = sorted(units, key=lambda name: -self.unit(name).number)
        smallest = self.unit(ordered[-1]) * Fraction(1, 10**decimals)
        steps = quantity.number / smallest.number
        whole = (2 * abs(steps) + 1) // 2
        numbers = self.split(smallest * whole, ordered)
        words = [f"{show_number(number, decimals)} {name}" for number, name in zip(numbers, ordered) if number]
        text = " ".join(words) or f"0 {ordered[-1]}"
        return "-" + text if steps < 0 and words else text

    def best_unit(self, quantity, units):
        """Return the largest of some units of which a quantity has at least one; else the smallest of them."""
        ordered = sorted(units, key=lambda name: -self.unit(name).number)
        for name in ordered:
            if abs(self.convert(quantity, name)) >= 1:
                return name
        return ordered[-1]


# --- sums over lists of quantities -------------------------------------------


def total(quantities):
    """Return the sum of some quantities that measure the same thing; at least one is needed."""
    quantities = list(quantities)
    if not quantities:
        raise UnitError("there is nothing to add")
    result = quantities[0]
    for quantity in quantities[1:]:
        result = result + quantity
    return result


def mean(quantities):
    """Return the mean of some quantities."""
    quantities = list(quantities)
    return total(quantities) / len(quantities)


def median(quantities):
    """Return the middle of some quantities; of an even number, the mean of the two in the middle."""
    ordered = sorted(quantities)
    if not ordered:
        raise UnitError("there is no middle of nothing")
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return mean(ordered[half - 1 : half + 1])


def shares(whole, parts):
    """Return a quantity shared out in proportion to some quantities."""
    parts = list(parts)
    everything = total(parts)
    return [whole * (part / everything) for part in parts]


def price(quantity, cents, per):
    """Return what a quantity costs in whole cents, at a price for each `per`; halves are rounded up."""
    quantity.require_like(per)
    exact = quantity.number / per.number * cents
    return int((2 * exact + 1) // 2)


def travel_time(distance, speed):
    """Return how long a way takes at a speed."""
    if not speed:
        raise UnitError("who does not move does not arrive")
    return distance / speed


def pace_table(table, distances, speed):
    """Return a line for each distance with the time that it takes, in hours and minutes."""
    width = max((len(text) for text in distances), default=0)
    lines = []
    for text in distances:
        time = travel_time(table.parse(text), table.parse(speed))
        lines.append(f"{text:>{width}}  {table.mixed(time, ['h', 'min'])}")
    return lines
