"""`make demo`: forty practices with a month of history, a fleet that lives, and this very machine."""

from vigie.demo.show import run_demo

__all__ = ["run_demo"]
