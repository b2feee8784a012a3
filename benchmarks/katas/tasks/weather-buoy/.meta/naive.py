ORDER = ("wind", "wave", "temp", "salt")
UNIT = 10
BYTE_ORDER = "big"


def read(record):
    """Return the quantities in a record of hexadecimal digits."""
    data = bytes.fromhex(record)
    if len(data) != 2 * len(ORDER):
        raise ValueError("a record has eight bytes")
    values = {}
    for place, name in enumerate(ORDER):
        values[name] = int.from_bytes(data[2 * place : 2 * place + 2], BYTE_ORDER) / UNIT
    return values


def strongest(records):
    """Return the largest wind in some records, None without any."""
    return max((read(record)["wind"] for record in records), default=None)
