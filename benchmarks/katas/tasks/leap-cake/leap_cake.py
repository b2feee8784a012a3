def next_cake(born, today):
    """Return the date of the first birthday on or after today."""
    raise NotImplementedError


def age_on(born, day):
    """Return the number of birthdays had by the end of a day."""
    raise NotImplementedError
