"""The vendors' protocols through their own SDKs."""
