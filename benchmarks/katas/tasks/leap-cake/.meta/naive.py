def next_cake(born, today):
    """Return the date of the first birthday on or after today."""
    year, month, day = today
    if (born[1], born[2]) >= (month, day):
        return (year, born[1], born[2])
    return (year + 1, born[1], born[2])


def age_on(born, day):
    """Return the number of birthdays had by the end of a day."""
    years = day[0] - born[0]
    if (day[1], day[2]) < (born[1], born[2]):
        years -= 1
    return years
