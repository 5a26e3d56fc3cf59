"""What the pages say beside their templates: what to do about a refusal, months. Pure."""

from collections.abc import Mapping
from typing import Final

from vigie.core.french import french

_MONTHS: Final = {
    "fr": ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}
_AGAIN: Final = (
    "Recommencez depuis le début. Si cela se répète, donnez à votre prestataire le code ci-dessous.",
    "Begin again. If it happens again, tell your IT provider the code below.",
)
_ASK: Final = (
    "Demandez une nouvelle invitation à la personne qui vous l'a envoyée.",
    "Ask whoever sent it to you for a new one.",
)
_LATER: Final = (
    "Rien n'est perdu. Attendez une minute et réessayez.",
    "Nothing is lost. Wait a minute and try again.",
)
_ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "sign_in.no_access": (
        (
            "Votre identité est vérifiée, mais personne ne vous a encore ouvert d'accès.\n"
            "Praticien : donnez votre numéro RPPS à votre prestataire informatique, puis reconnectez-vous.\n"
            "Équipe d'un cabinet ou d'un prestataire : demandez un lien d'invitation."
        ),
        (
            "Your identity is verified, but nobody has given you access yet.\n"
            "Practitioner: give your RPPS number to your IT provider, then sign in again.\n"
            "Staff of a practice or of a provider: ask for an invitation link."
        ),
    ),
    "sign_in.profession_refused": (
        (
            "Pro Santé Connect ne nous indique aucune profession exercée de plein droit (étudiants et fonctions administratives "
            "n'en ont pas). Si vous travaillez dans un cabinet sans y exercer, demandez un lien d'invitation au prestataire."
        ),
        (
            "Pro Santé Connect tells us of no profession with full rights (students and administrative staff have none). If you "
            "work at a practice without practising there, ask the IT provider for an invitation link."
        ),
    ),
    "sign_in.wrong_door": (
        (
            "Les praticiens entrent par Pro Santé Connect, l'équipe d'un prestataire par le compte de sa société. Revenez à la "
            "page de connexion et choisissez l'autre moyen."
        ),
        "Practitioners come in by Pro Santé Connect, provider staff by their company account. Go back and choose the other way.",
    ),
    "sign_in.identity_conflict": (
        "Par prudence, nous n'ouvrons pas l'accès. Votre prestataire informatique peut nous joindre pour vérifier.",
        "To be safe we let nobody in. Your IT provider can reach us to clear it up.",
    ),
    "sign_in.choice_expired": ("Reconnectez-vous, puis choisissez.", "Sign in again, then choose."),
    "sign_in.unknown_provider": (
        "L'adresse est incomplète, ou ce moyen de connexion a été retiré.",
        "The address is incomplete, or this way of signing in was removed.",
    ),
    "sign_in.off": (
        "L'exploitant du service doit terminer l'installation.",
        "The operator of the service has to complete the installation.",
    ),
    "sign_in.cancelled": ("Vous pouvez recommencer quand vous voulez.", "You can begin again whenever you like."),
    "sign_in.attempt_used": (
        "Cette page a déjà servi. Si une autre fenêtre est ouverte, vous y êtes peut-être déjà connecté.",
        "This page was used before. If another window is open, you may be signed in there.",
    ),
    "sign_in.attempt_unknown": (
        "Ouvrez la page de connexion dans ce navigateur et recommencez. Les cookies doivent être acceptés.",
        "Open the sign-in page in this browser and begin again. Cookies have to be accepted.",
    ),
    "sign_in.attempt_expired": ("Recommencez : vous avez dix minutes.", "Begin again: you have ten minutes."),
    "sign_in.provider_away": _LATER,
    "service.unavailable": _LATER,
    "rate_limit.exceeded": _LATER,
    "sign_in.assurance_refused": (
        "Identifiez-vous avec votre e-CPS ou votre carte CPS.",
        "Sign in with your e-CPS or your CPS card.",
    ),
    "sign_in.directory_refused": (
        "Utilisez le compte de votre société, pas un compte personnel.",
        "Use your company account, not a personal one.",
    ),
    "invitation.unknown": (
        "Copiez le lien en entier, jusqu'au dernier caractère. S'il vient d'un message ancien, demandez-en un autre.",
        "Copy the whole link, to its last character. If the message is old, ask for another.",
    ),
    "invitation.used": (
        (
            "Un lien d'invitation ne sert qu'une fois. Si c'est vous qui l'avez utilisé, connectez-vous sans lui. Sinon, prévenez "
            "la personne qui vous l'a envoyé."
        ),
        "An invitation link works once. If it was you who used it, sign in without it. If not, tell whoever sent it to you.",
    ),
    "invitation.expired": _ASK,
    "invitation.revoked": _ASK,
    "invitation.already_member": (
        "Connectez-vous sans le lien. L'invitation reste valable pour la personne à qui elle est destinée.",
        "Sign in without the link. The invitation stays valid for whom it was meant.",
    ),
    "auth.forged_request": (
        "Revenez à la page précédente, rechargez-la et recommencez.",
        "Go back, load the page again and retry.",
    ),
    "not_found": (
        "L'adresse est incomplète ou ne mène plus nulle part.",
        "The address is incomplete or leads nowhere any more.",
    ),
}
ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "owner": ("propriétaire", "owner"),
    "technician": ("technicien", "technician"),
    "auditor": ("auditeur", "auditor"),
    "practitioner": ("praticien", "practitioner"),
    "practice_staff": ("équipe du cabinet", "practice staff"),
}


def advice(code: str, language: str) -> str:
    """Return what a person can do about a refusal."""
    in_french, in_english = _ADVICE.get(code, _AGAIN)
    return french(in_french) if language == "fr" else in_english


def role(name: str, language: str) -> str:
    """Return the word for a role."""
    return ROLES[name][0 if language == "fr" else 1]


def month(number: int, language: str) -> str:
    """Return the short name of a month."""
    return _MONTHS[language][number - 1]


def browser_name(user_agent: str | None, language: str) -> str:
    """Return the name of a browser and its system as a person would say them; only a hint, for anybody can send anything."""
    if not user_agent:
        return "Navigateur inconnu" if language == "fr" else "Unknown browser"
    browsers = {"Edg/": "Edge", "Firefox/": "Firefox", "OPR/": "Opera", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {
        "Windows": "Windows",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Android": "Android",
        "Mac OS X": "macOS",
        "Linux": "Linux",
    }
    browser = next(
        (name for sign, name in browsers.items() if sign in user_agent), "Navigateur" if language == "fr" else "Browser"
    )
    system = next((name for sign, name in systems.items() if sign in user_agent), None)
    between = "sur" if language == "fr" else "on"
    return f"{browser} {between} {system}" if system else browser
