DISCOUNT = 10
FREE_OF_DISCOUNT = 3


def price(grams, bands):
    """Return the price of one parcel in cents."""
    if grams <= 0:
        raise ValueError("a parcel weighs something")
    for limit, cents in sorted(bands):
        if grams <= limit:
            return cents
    raise ValueError("too heavy for every band")


def total(parcels, bands):
    """Return the price of all parcels in cents."""
    cents = 0
    for place, grams in enumerate(parcels):
        one = price(grams, bands)
        if place >= FREE_OF_DISCOUNT:
            one = max(0, one - DISCOUNT)
        cents += one
    return cents
