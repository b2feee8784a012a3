MODULUS = 97
FIRST_WEIGHT = 1
STRIDE = 1


def check_number(digits):
    """Return the check number of a badge's digits."""
    total = 0
    for place, digit in enumerate(digits):
        total += int(digit) * (FIRST_WEIGHT + STRIDE * place)
    return total % MODULUS


def is_valid(badge):
    """Return whether a badge such as "40213-58" carries the right check number."""
    digits, dash, check = badge.partition("-")
    if not dash or not digits.isdigit() or not check.isdigit() or len(check) != 2:
        return False
    return int(check) == check_number(digits)
