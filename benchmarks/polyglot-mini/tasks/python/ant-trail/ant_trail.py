def end(trail):
    pass


def way_home(trail):
    pass


def busiest(trail):
    pass
