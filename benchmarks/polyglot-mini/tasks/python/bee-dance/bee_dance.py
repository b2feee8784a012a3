def dances(path):
    pass


class Hive:
    def __init__(self, path):
        pass

    def nearest(self):
        pass

    def within(self, metres):
        pass
