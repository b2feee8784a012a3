def read(record):
    """Return the quantities in a record of hexadecimal digits."""
    raise NotImplementedError


def strongest(records):
    """Return the largest wind in some records, None without any."""
    raise NotImplementedError
