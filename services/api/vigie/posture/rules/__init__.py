"""Rules of the posture: facts in, findings out. No database, no clock, no framework; the standard library only.

Where to look: ``device`` (assess one device), ``practice`` (from devices to a practice, headlines, rank), ``freshness``
(old reports are capped), ``model`` (the words), one file per family of rules otherwise.
"""
