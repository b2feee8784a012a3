"""How exercises are judged, one module per language; `registry` finds them by name."""
