"""Recipes with amounts as cooks write them: "1 1/2 cup", "3/4 tsp", "2 eggs", "salt"."""

SPOONS = {"tsp": 1, "tbsp": 3, "cup": 48}
PLURALS = {"cups": "cup", "tsps": "tsp", "tbsps": "tbsp", "cloves": "clove", "leaves": "leaf"}


def common_divisor(one, other):
    """Return the greatest common divisor of two numbers."""
    while other:
        one, other = other, one % other
    return one


class Amount:
    """A fraction of whole numbers, always in lowest terms and never negative."""

    def __init__(self, top, bottom=1):
        if bottom == 0:
            raise ValueError("nothing can be divided by zero")
        if top < 0 or bottom < 0:
            raise ValueError("an amount is never negative")
        divisor = common_divisor(top, bottom) or 1
        self.top = top // divisor
        self.bottom = bottom // divisor

    def plus(self, other):
        """Return the sum of two amounts."""
        return Amount(self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom)

    def times(self, other):
        """Return the product of two amounts."""
        return Amount(self.top * other.top, self.bottom * other.bottom)

    def divided(self, other):
        """Return the quotient of two amounts."""
        return Amount(self.top * other.bottom, self.bottom * other.top)

    def at_least(self, other):
        """Return whether this amount is as large as another or larger."""
        return self.top * other.bottom >= other.top * self.bottom

    def __eq__(self, other):
        return isinstance(other, Amount) and (self.top, self.bottom) == (other.top, other.bottom)

    def __hash__(self):
        return hash((self.top, self.bottom))

    def __str__(self):
        whole, rest = divmod(self.top, self.bottom)
        if rest == 0:
            return str(whole)
        if whole == 0:
            return f"{rest}/{self.bottom}"
        return f"{whole} {rest}/{self.bottom}"

    def __repr__(self):
        return f"Amount({self.top}, {self.bottom})"


ONE = Amount(1)


def amount_of(word):
    """Return the amount in a word such as "2" or "3/4", or None if it is no number."""
    top, slash, bottom = word.partition("/")
    if not top.isdigit() or (slash and not bottom.isdigit()):
        return None
    return Amount(int(top), int(bottom)) if slash else Amount(int(top))


class Ingredient:
    """One line of a recipe. `amount` is None where the cook decides; `unit` may be empty."""

    def __init__(self, name, amount=None, unit=""):
        self.name = name
        self.amount = amount
        self.unit = unit

    def scaled(self, factor):
        """Return the ingredient for more or fewer guests."""
        if self.amount is None:
            return self
        return Ingredient(self.name, self.amount.times(factor), self.unit)

    def __str__(self):
        parts = [] if self.amount is None else [str(self.amount)]
        if self.unit:
            parts.append(self.unit)
        return " ".join([*parts, self.name])


def parse_ingredient(line):
    """Return the ingredient that a line names."""
    words = line.split()
    if not words:
        raise ValueError("an ingredient has a name")
    amount = None
    while words:
        part = amount_of(words[0])
        if part is None:
            break
        amount = part
        words = words[1:]
    unit = ""
    if amount is not None and len(words) > 1:
        first = singular(words[0])
        if first in SPOONS or first in PLURALS.values():
            unit = first
            words = words[1:]
    if not words:
        raise ValueError("an ingredient has a name")
    return Ingredient(" ".join(words), amount, unit)


def singular(word):
    """Return the unit that a plural belongs to; any other word stays as it is."""
    word = word.rstrip(".").lower()
    return PLURALS.get(word, word)


def in_spoons(amount, unit):
    """Return how many teaspoons an amount is."""
    return amount.times(Amount(SPOONS[unit]))


def convert(amount, unit, wanted):
    """Return an amount in another unit; both have to be measured in spoons."""
    if unit == wanted:
        return amount
    if unit not in SPOONS or wanted not in SPOONS:
        raise ValueError(f"cannot turn {unit} into {wanted}")
    return in_spoons(amount, unit).divided(Amount(SPOONS[wanted]))


def handiest(ingredient):
    """Return the ingredient in the largest unit of which it needs at least a quarter."""
    if ingredient.unit not in SPOONS:
        return ingredient
    for unit in sorted(SPOONS, key=lambda name: SPOONS[name]):
        amount = convert(ingredient.amount, ingredient.unit, unit)
        if amount.at_least(Amount(1, 4)):
            return Ingredient(ingredient.name, amount, unit)
    return ingredient


class Recipe:
    """A dish for some number of guests."""

    def __init__(self, title, guests, ingredients):
        self.title = title
        self.guests = guests
        self.ingredients = list(ingredients)

    def for_guests(self, guests):
        """Return the recipe for another number of guests, in handy units."""
        factor = Amount(guests, self.guests)
        scaled = [handiest(ingredient.scaled(factor)) for ingredient in self.ingredients]
        return Recipe(self.title, guests, scaled)

    def lines(self):
        """Return the recipe as text."""
        return [f"{self.title} (for {self.guests})", *(f"- {ingredient}" for ingredient in self.ingredients)]


def parse_recipe(text):
    """Return the recipe in a text: title, `for N`, then one ingredient per line; empty lines are skipped."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or not lines[1].startswith("for "):
        raise ValueError("a recipe starts with a title and the number of guests")
    guests = int(lines[1].removeprefix("for "))
    return Recipe(lines[0], guests, [parse_ingredient(line) for line in lines[2:]])


def shopping_list(recipes):
    """Return all ingredients of some recipes, added up by name, in alphabetical order.

    Amounts in spoons and cups are added together; what has no amount is listed once.
    """
    found = {}
    for recipe in recipes:
        for ingredient in recipe.ingredients:
            kind = "tsp" if ingredient.unit in SPOONS else ingredient.unit
            key = (ingredient.name, kind)
            amount = ingredient.amount
            if kind == "tsp" and amount is not None:
                amount = in_spoons(amount, ingredient.unit)
            before = found.get(key)
            if before is not None and amount is not None:
                amount = before.plus(amount)
            found[key] = amount or before
    items = [Ingredient(name, amount, unit) for (name, unit), amount in found.items()]
    return [handiest(item) for item in sorted(items, key=lambda item: (item.name, item.unit))]
