# The package declares this type too, beside a literal of 1.6 MB that pyright infers for a minute to narrow it.
from genai_prices.types import Provider

providers: list[Provider]
