"""What the console and the API say about a pre-answer, and about the wording as a whole."""

from collections.abc import Mapping
from typing import Final

from vigie.checklist.prefill import Why

Sentence = Mapping[str, str]
WHY: Final[Mapping[Why, Sentence]] = {
    "nobody_asked": {
        "fr": "Aucune mesure ne répond à cette question : à vous de répondre.",
        "en": "No measurement answers this question: it is yours to answer.",
    },
    "all_pass": {
        "fr": "Tous les points de contrôle concernés sont conformes.",
        "en": "All controls concerned pass.",
    },
    "some_fail": {
        "fr": "Au moins un point de contrôle n'est pas conforme.",
        "en": "At least one control fails.",
    },
    "none_applies": {
        "fr": "Les points de contrôle concernés ne s'appliquent pas à ce cabinet.",
        "en": "The controls concerned do not apply to this practice.",
    },
    "some_unknown": {
        "fr": "Au moins un point de contrôle est inconnu : la question reste ouverte.",
        "en": "At least one control is unknown: the question stays open.",
    },
    "some_warn": {
        "fr": "Au moins un point de contrôle est à surveiller : à vous de trancher.",
        "en": "At least one control warns: it is yours to decide.",
    },
    "not_denied": {
        "fr": "Rien ne contredit un « oui », mais les mesures n'en voient qu'une partie : à vous de répondre.",
        "en": 'Nothing denies a "yes", but measurements see only a part of it: it is yours to answer.',
    },
    "not_observed": {
        "fr": "Au moins un point de contrôle n'a encore ni mesure ni réponse : la question reste ouverte.",
        "en": "At least one control has no measurement and no answer yet: the question stays open.",
    },
}
"""Why a pre-answer is what it is, in a sentence."""

WORDING: Final[Sentence] = {
    "fr": "Questions rédigées par Vigie d'après des résumés publics ; ce n'est pas le texte de l'ANS.",
    "en": "Questions worded by Vigie after public summaries; this is not the text of the ANS.",
}
"""Shown wherever the questions are: they must never pass for the ANS's own."""
