"""What each threshold says, and the families they are shown under. Pure."""

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


FAMILIES: Final[Mapping[str, str]] = {
    "patch": _("Correctifs"),
    "backup": _("Sauvegardes"),
    "protection": _("Protection"),
    "access": _("Accès"),
    "equipment": _("Matériel"),
    "exposure": _("Prise en main à distance"),
    "records": _("Contrats, contacts, questionnaires"),
    "silence": _("Silence des postes"),
    "freshness": _("Âge des remontées"),
}
THRESHOLDS: Final[Mapping[str, str]] = {
    "freshness.fresh_hours": _("Heures pendant lesquelles une remontée vaut telle quelle"),
    "freshness.stale_days": _("Jours après lesquels on ne sait plus rien d'un poste"),
    "patch.support_notice_days": _("Jours avant la fin de support d'un système où l'on commence à prévenir"),
    "patch.support_evidence_days": _("Jours dans lesquels un support prolongé doit avoir été vu à l'œuvre"),
    "patch.security_pass_days": _("Jours pendant lesquels un correctif de sécurité peut manquer"),
    "patch.security_warn_days": _("Jours après lesquels son absence est un défaut"),
    "patch.reboot_warn_from_days": _("Jours de redémarrage en attente à partir desquels on surveille"),
    "patch.reboot_fail_from_days": _("Jours de redémarrage en attente à partir desquels c'est un défaut"),
    "patch.search_pass_days": _("Jours ouvrés depuis la dernière recherche de correctifs réussie"),
    "patch.search_warn_days": _("Jours après lesquels une recherche est trop vieille pour prouver quoi que ce soit"),
    "patch.pause_warn_days": _("Jours pendant lesquels les mises à jour peuvent encore être suspendues"),
    "patch.software_pass_days": _("Jours de retard admis pour un logiciel connu"),
    "patch.software_warn_days": _("Jours de retard d'un logiciel après lesquels c'est un défaut"),
    "backup.recent_pass_hours": _("Âge de la dernière bonne sauvegarde, en heures ouvrées"),
    "backup.recent_warn_days": _("Jours sans bonne sauvegarde après lesquels c'est un défaut"),
    "backup.failures_fail": _("Échecs de suite qui font un défaut"),
    "backup.shrink_percent": _("Part de sa taille habituelle sous laquelle une sauvegarde est douteuse, en pour cent"),
    "backup.shrink_history_days": _("Jours dont on tire la taille habituelle"),
    "backup.restore_months": _("Mois jusqu'auxquels on doit pouvoir revenir"),
    "backup.restore_missing_warn": _("Parmi eux, combien peuvent manquer sans faire un défaut"),
    "backup.offsite_pass_days": _("Âge de la copie hors du cabinet, en jours"),
    "backup.offsite_warn_days": _("Jours après lesquels son absence est un défaut (copie hors du cabinet)"),
    "backup.immutable_pass_days": _("Âge de la copie que personne ne peut altérer, en jours"),
    "backup.immutable_warn_days": _("Jours après lesquels son absence est un défaut (copie inaltérable)"),
    "backup.restore_test_pass_days": _("Jours depuis le dernier essai de restauration"),
    "backup.restore_test_warn_days": _("Jours sans essai de restauration après lesquels c'est un défaut"),
    "equipment.unseen_pass_days": _("Jours ouvrés pendant lesquels un poste peut rester invisible"),
    "equipment.unseen_warn_days": _("Jours après lesquels un poste compte comme perdu"),
    "equipment.free_warn_percent": _("Espace libre sous lequel un volume est en défaut, en pour cent"),
    "equipment.free_pass_percent": _("Espace libre à partir duquel un volume va bien, en pour cent"),
    "protection.encryption_reach": _("Disques à chiffrer : 1, ce qui s'emporte ; 2, tous les postes"),
    "protection.encryption_suspended_hours": _("Heures pendant lesquelles le chiffrement peut être suspendu"),
    "protection.signatures_pass_days": _("Âge des signatures de l'antivirus, en jours"),
    "protection.signatures_warn_days": _("Jours après lesquels des signatures trop vieilles sont un défaut"),
    "protection.signatures_settle_hours": _(
        "Heures laissées à une machine qu'on vient d'allumer pour se mettre à jour"
    ),
    "access.lock_pass_s": _("Secondes avant que l'écran se verrouille"),
    "access.lock_warn_s": _("Secondes à partir desquelles il se verrouille trop tard"),
    "access.password_length": _("Caractères suffisants avec de la complexité"),
    "access.password_alone_length": _("Caractères suffisants à eux seuls"),
    "access.password_limited_length": _("Caractères suffisants avec complexité et blocage"),
    "access.lockout_attempts": _("Essais au plus pour qu'un blocage en soit un"),
    "access.admins_pass": _("Administrateurs qu'un poste peut avoir"),
    "access.admins_fail_from": _("Administrateurs à partir desquels c'est un défaut"),
    "access.idle_pass_days": _("Jours pendant lesquels un compte peut ne pas servir"),
    "access.idle_warn_days": _("Jours après lesquels un compte inutilisé est un défaut"),
    "exposure.remote_tools_allowed": _("Outils de prise en main convenus avec le cabinet, un par ligne"),
    "records.questionnaire_pass_months": _("Mois pendant lesquels un questionnaire signé vaut"),
    "records.questionnaire_warn_months": _("Mois après lesquels un questionnaire trop vieux est un défaut"),
    "records.contacts_pass_months": _("Mois depuis la dernière confirmation des contacts"),
    "records.contacts_warn_months": _("Mois après lesquels des contacts non confirmés sont un défaut"),
    "records.contract_notice_days": _("Jours avant son terme où un contrat est rappelé"),
    "records.certificate_notice_days": _("Jours avant son terme où un certificat est rappelé"),
    "silence.workstation_slots": _("Remontées manquées de suite, aux heures ouvrées, pour qu'un poste soit silencieux"),
    "silence.server_slots": _("La même chose pour un serveur ou un NAS"),
    "silence.laptop_days": _("Jours ouvrés pendant lesquels un portable peut s'absenter"),
}
