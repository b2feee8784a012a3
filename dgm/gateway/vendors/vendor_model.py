"""What is the same of all models behind vendors' SDKs."""

from typing import Protocol

from dgm.config import Price
from dgm.gateway.connection import Connection


class Client(Protocol):
    """A vendor's SDK."""

    @property
    def base_url(self) -> object:
        """Where it sends requests."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class VendorModel:
    """The part of a `dgm.gateway.provider.Provider` that asks nothing."""

    def __init__(self, connection: Connection, price: Price, client: Client) -> None:
        """Keep what the model is called, costs and is reached by."""
        self._connection = connection
        self._price = price
        self._connected = client

    @property
    def name(self) -> str:
        """What users and agents know it by."""
        return self._connection.name

    @property
    def base_url(self) -> str:
        """Where requests go."""
        return str(self._connected.base_url)

    @property
    def price(self) -> Price:
        """What it costs."""
        return self._price

    def close(self) -> None:
        """Close the connections that were kept for further calls."""
        self._connected.close()
