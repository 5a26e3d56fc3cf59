"""What events say, one model per kind. A kind is added by writing its model here; `events/kinds.py` finds it.

The docstring of a model is the sentence that partners read. A field may be added to a kind at any time; one that changes its
meaning, its type, or goes away makes another `version`.
"""
