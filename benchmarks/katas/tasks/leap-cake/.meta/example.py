def is_leap(year):
    """Return whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def birthday(born, year):
    """Return the date on which the birthday is kept in a year."""
    if born[1:] == (2, 29) and not is_leap(year):
        return (year, 3, 1)
    return (year, *born[1:])


def next_cake(born, today):
    """Return the date of the first birthday on or after today."""
    this_year = birthday(born, today[0])
    return this_year if this_year >= today else birthday(born, today[0] + 1)


def age_on(born, day):
    """Return the number of birthdays had by the end of a day."""
    years = day[0] - born[0]
    return years if birthday(born, day[0]) <= day else years - 1
