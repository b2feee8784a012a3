import unittest

from guest_recipes import Amount, Recipe, convert, handiest, parse_ingredient, parse_recipe, shopping_list


class AmountTest(unittest.TestCase):
    def test_lowest_terms(self):
        self.assertEqual(str(Amount(18, 12)), "1 1/2")

    def test_divided(self):
        self.assertEqual(Amount(3, 4).divided(Amount(3, 2)), Amount(1, 2))


class IngredientTest(unittest.TestCase):
    def test_mixed_amount(self):
        self.assertEqual(str(parse_ingredient("1 1/2 Cups flour")), "1 1/2 cup flour")

    def test_only_a_fraction(self):
        self.assertEqual(str(parse_ingredient("3/4 tsp. salt")), "3/4 tsp salt")

    def test_no_unit(self):
        self.assertEqual(str(parse_ingredient("2 large eggs")), "2 large eggs")

    def test_no_amount(self):
        self.assertIsNone(parse_ingredient("black pepper").amount)

    def test_convert(self):
        self.assertEqual(convert(Amount(2), "cup", "tbsp"), Amount(32))

    def test_handiest_unit(self):
        self.assertEqual(str(handiest(parse_ingredient("6 tsp oil"))), "2 tbsp oil")

    def test_exactly_a_quarter(self):
        self.assertEqual(str(handiest(parse_ingredient("12 tsp oil"))), "1/4 cup oil")

    def test_less_than_a_quarter_of_the_smallest_unit(self):
        self.assertEqual(str(handiest(parse_ingredient("1/8 tsp saffron"))), "1/8 tsp saffron")


class RecipeTest(unittest.TestCase):
    def test_for_more_guests(self):
        recipe = parse_recipe("Pancakes\nfor 4\n\n1 1/3 cups milk\n3 eggs\nsalt\n")
        self.assertEqual(recipe.for_guests(6).lines(), ["Pancakes (for 6)", "- 2 cup milk", "- 4 1/2 eggs", "- salt"])

    def test_shopping_list(self):
        one = Recipe("A", 2, [parse_ingredient("1 cup oil"), parse_ingredient("salt")])
        other = Recipe("B", 2, [parse_ingredient("8 tbsp oil"), parse_ingredient("salt"), parse_ingredient("2 eggs")])
        self.assertEqual([str(item) for item in shopping_list([one, other])], ["2 eggs", "1 1/2 cup oil", "salt"])
