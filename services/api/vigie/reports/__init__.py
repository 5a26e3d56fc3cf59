"""Evidence reports: the PDF that shows what was known of a practice at an instant, kept, anchored in the audit and verifiable.

Owns the reports that were issued, when they are made by themselves, the logo on them, and the public page that tells whether one
is valid. What a report says is gathered by `overview/reporting.py`, which may read every slice.
"""
