"""Section ``backup``: what repositories show (restic, borg) and what hooks reported, the same on every system."""
