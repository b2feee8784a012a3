"""The books of a craft guild: a small ledger with double entries, kept as plain text.

A journal is a text with one posting per paragraph:

    2031-04-02 candles for the hall
      supplies     12.40
      cash        -12.40

The first line has a date and a description. Every following line is indented and names an account and an amount; the
amounts of a posting have to add up to zero. The amount of one line may be left out, it is then whatever is missing.
Lines that start with a semicolon are comments. All amounts are kept in cents.
"""

DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
KINDS = {
    "cash": "asset",
    "bank": "asset",
    "tools": "asset",
    "loan": "debt",
    "dues": "income",
    "sales": "income",
    "gifts": "income",
    "supplies": "expense",
    "rent": "expense",
    "feast": "expense",
    "wages": "expense",
    "opening": "equity",
}


class LedgerError(Exception):
    """A journal that cannot be kept; the message names the line, counted from 1, where there is one."""


# --- dates -----------------------------------------------------------------


def is_leap(year):
    """Return whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year, month):
    """Return the number of days of a month."""
    return 29 if month == 2 and is_leap(year) else DAYS[month - 1]


def parse_date(text):
    """Return the (year, month, day) of a date such as "2031-04-02"."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ValueError(f"{text} is not a date")
    year, month, day = (int(part) for part in parts)
    if not 1 <= month <= 12 or not 1 <= day <= days_in(year, month):
        raise ValueError(f"{text} is not a date")
    return year, month, day


def show_date(date):
    """Return a date as text."""
    return f"{date[0]:04d}-{date[1]:02d}-{date[2]:02d}"


def month_of(date):
    """Return the (year, month) of a date."""
    return date[:2]


def next_month(month):
    """Return the month after a (year, month)."""
    year, number = month
    return (year + 1, 1) if number == 12 else (year, number + 1)


def day_number(date):
    """Return how many days a date lies after the last day before the year 1."""
    year, month, day = date
    before = year - 1
    days = 365 * before + before // 4 - before // 100 + before // 400
    for number in range(1, month):
        days += days_in(year, number)
    return days + day


def days_between(first, last):
    """Return the number of days from one date to another."""
    return day_number(last) - day_number(first)


# --- amounts ---------------------------------------------------------------


def parse_amount(text):
    """Return the cents in a text such as "12.40", "-3" or "1,250.00"."""
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("+-").replace(",", "")
    whole, dot, cents = plain.partition(".")
    if not whole.isdigit() or (dot and (len(cents) != 2 or not cents.isdigit())):
        raise ValueError(f"{text} is not an amount")
    return sign * (int(whole) * 100 + int(cents or 0))


def show_amount(cents):
    """Return cents as text, with commas between thousands."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d}"


# --- postings --------------------------------------------------------------


class Line:
    """One account and one amount of a posting."""

    def __init__(self, account, cents):
        self.account = account
        self.cents = cents

    def __repr__(self):
        return f"Line({self.account}, {self.cents})"


class Posting:
    """What happened on a date; the lines add up to zero."""

    def __init__(self, date, text, lines):
        self.date = date
        self.text = text
        self.lines = list(lines)

    def touches(self, account):
        """Return whether one of the lines belongs to an account or to one below it."""
        return any(belongs(line.account, account) for line in self.lines)

    def amount(self, account):
        """Return what the posting adds to an account and all below it."""
        return sum(line.cents for line in self.lines if belongs(line.account, account))

    def show(self):
        """Return the posting as it stands in a journal."""
        width = max(len(line.account) for line in self.lines)
        lines = [f"{show_date(self.date)} {self.text}"]
        for line in self.lines:
            lines.append(f"  {line.account:{width}}  {show_amount(line.cents):>12}")
        return "\n".join(lines)


def belongs(account, parent):
    """Return whether an account such as "rent:hall" is `parent` or lies below it."""
    return account == parent or account.startswith(parent + ":")


def kind_of(account):
    """Return the kind of an account: asset, debt, income, expense or equity."""
    top = account.split(":")[0]
    if top not in KINDS:
        raise LedgerError(f"there is no account {account}")
    return KINDS[top]


# --- reading a journal -----------------------------------------------------


def paragraphs(text):
    """Yield the paragraphs of a text as lists of (line number, line), without comments."""
    part = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(";"):
            continue
        if line.strip():
            part.append((number, line.rstrip()))
        elif part:
            yield part
            part = []
    if part:
        yield part


def parse_posting(part):
    """Return the posting in a paragraph."""
    number, head = part[0]
    if head != head.lstrip():
        raise LedgerError(f"line {number}: a posting starts with a date")
    date_text, _, text = head.partition(" ")
    try:
        date = parse_date(date_text)
    except ValueError as error:
        raise LedgerError(f"line {number}: {error}") from error
    return Posting(date, text.strip(), balanced(number, [parse_line(*item) for item in part[1:]]))


def parse_line(number, text):
    """Return the line in a text; its cents are None where the amount is left out."""
    if not text.startswith(" "):
        raise LedgerError(f"line {number}: expected an indented account")
    words = text.split()
    if len(words) > 2:
        raise LedgerError(f"line {number}: more than an account and an amount")
    try:
        kind_of(words[0])
        return Line(words[0], parse_amount(words[1]) if len(words) == 2 else None)
    except (ValueError, LedgerError) as error:
        raise LedgerError(f"line {number}: {error}") from error


def balanced(number, lines):
    """Return the lines of a posting with the missing amount filled in."""
    if len(lines) < 2:
        raise LedgerError(f"line {number}: a posting has at least two accounts")
    missing = [line for line in lines if line.cents is None]
    if len(missing) > 1:
        raise LedgerError(f"line {number}: more than one amount is missing")
    rest = sum(line.cents for line in lines if line.cents is not None)
    if missing:
        missing[0].cents = -rest
    elif rest != 0:
        raise LedgerError(f"line {number}: the amounts differ by {show_amount(rest)}")
    return lines


def parse_journal(text):
    """Return the postings of a journal in the order of their dates; those of one day stay in the order written."""
    postings = [parse_posting(part) for part in paragraphs(text)]
    return sorted(postings, key=lambda posting: posting.date)


# --- questions to the books ------------------------------------------------


class Ledger:
    """All postings, and what follows from them."""

    def __init__(self, postings):
        self.postings = list(postings)

    @classmethod
    def from_text(cls, text):
        """Return the ledger of a journal."""
        return cls(parse_journal(text))

    def accounts(self):
        """Return all accounts in use, in alphabetical order."""
        return sorted({line.account for posting in self.postings for line in posting.lines})

    def balance(self, account, until=None):
        """Return the cents in an account and all below it, up to and including a date."""
        return sum(
            posting.amount(account) for posting in self.postings if until is None or posting.date <= until
        )

    def find(self, *words):
        """Return the postings whose description holds all of some words, in small or capital letters."""
        wanted = [word.lower() for word in words]
        return [posting for posting in self.postings if all(word in posting.text.lower() for word in wanted)]

    def between(self, first, last):
        """Return a ledger of the postings from one date to another, both included."""
        return Ledger(posting for posting in self.postings if first <= posting.date <= last)

    def register(self, account):
        """Return (date, text, amount, balance after it) for each posting that touches an account."""
        rows = []
        total = 0
        for posting in self.postings:
            if posting.touches(account):
                total += posting.amount(account)
                rows.append((show_date(posting.date), posting.text, posting.amount(account), total))
        return rows

    def total_of(self, kind):
        """Return the sum of all accounts of a kind, as the books keep it."""
        return sum(
            line.cents for posting in self.postings for line in posting.lines if kind_of(line.account) == kind
        )

    def result(self):
        """Return what the guild earned: income less expenses. Income is kept with a minus in the books."""
        return -self.total_of("income") - self.total_of("expense")

    def worth(self):
        """Return what the guild owns less what it owes."""
        return self.total_of("asset") + self.total_of("debt")

    def months(self):
        """Return all months from the first to the last posting, those without postings included."""
        if not self.postings:
            return []
        months = [month_of(self.postings[0].date)]
        while months[-1] < month_of(self.postings[-1].date):
            months.append(next_month(months[-1]))
        return months

    def by_month(self, account):
        """Return for each month what was added to an account and all below it."""
        sums = {month: 0 for month in self.months()}
        for posting in self.postings:
            sums[month_of(posting.date)] += posting.amount(account)
        return sums

    def largest(self, kind, count=3):
        """Return the accounts of a kind with the largest sums, as (account, cents), sign ignored."""
        names = [account for account in self.accounts() if kind_of(account) == kind]
        sums = [(name, self.own_balance(name)) for name in names]
        return sorted(sums, key=lambda item: (-abs(item[1]), item[0]))[:count]

    def own_balance(self, account):
        """Return the cents in an account, without those below it."""
        return sum(
            line.cents for posting in self.postings for line in posting.lines if line.account == account
        )

    def lowest(self, account):
        """Return the lowest balance that an account had at the end of a day, as (date, cents), the first such day."""
        rows = self.register(account)
        if not rows:
            raise LedgerError(f"nothing was posted to {account}")
        date, _, _, total = min(rows, key=lambda row: (row[3], row[0]))
        return date, total

    def average_daily(self, account, first, last):
        """Return the mean balance at the end of the days from `first` to `last`, both included, in whole cents.

        The mean is rounded down. A day without a posting has the balance of the day before.
        """
        total = 0
        held_since = day_number(first)
        balance = self.balance(account, until=first)
        for posting in self.postings:
            if first < posting.date <= last and posting.touches(account):
                today = day_number(posting.date)
                total += balance * (today - held_since)
                held_since = today
                balance += posting.amount(account)
        total += balance * (day_number(last) - held_since)
        return total // days_between(first, last)


# --- reports ---------------------------------------------------------------


def tree_report(ledger):
    """Return one line per account, indented by level; an account's sum includes those below it."""
    names = set()
    for account in ledger.accounts():
        parts = account.split(":")
        for level in range(1, len(parts) + 1):
            names.add(":".join(parts[:level]))
    lines = []
    for name in sorted(names):
        level = name.count(":")
        label = "  " * level + name.split(":")[-1]
        lines.append(f"{label:20}{show_amount(ledger.balance(name)):>12}")
    return lines


def month_report(ledger, account):
    """Return one line per month with a bar of one mark per ten units of money."""
    lines = []
    for (year, month), cents in ledger.by_month(account).items():
        bar = "#" * (abs(cents) // 1000)
        lines.append(f"{year:04d}-{month:02d} {show_amount(cents):>12} {bar}".rstrip())
    return lines


def closing(ledger, date):
    """Return the posting that empties all income and expense accounts into "opening" at the end of a year."""
    lines = []
    for account in ledger.accounts():
        if kind_of(account) in ("income", "expense"):
            cents = ledger.own_balance(account)
            if cents != 0:
                lines.append(Line(account, -cents))
    lines.append(Line("opening", -sum(line.cents for line in lines)))
    return Posting(date, "closing the books", lines)


def problems(ledger):
    """Return a sentence for everything that the guild's auditor would ask about."""
    found = []
    for account in ledger.accounts():
        if kind_of(account) == "asset" and ledger.own_balance(account) < 0:
            found.append(f"{account} is overdrawn by {show_amount(-ledger.own_balance(account))}")
    for posting in ledger.postings:
        if not posting.text:
            found.append(f"{show_date(posting.date)} has no description")
    return found
