"""The words of the audit: one per thing that can be done. They are stored and hashed, so a word never changes its meaning.

`docs/audit.md` lists them all, and a test compares. A guarded route that changes something is named in `ROUTE_ACTIONS` by its
function; without its line the program does not start (`vigie.auth.dependencies.refuse_unguarded`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What was done, or refused: the kind of its object, a point, a verb."""

    ACCESS_TOKEN_ISSUE = "access_token.issue"  # noqa: S105 - a word, not a secret
    ACCOUNT_RELINK = "account.relink"
    ACTION_CHANGE = "action.change"
    ALERT_ACKNOWLEDGE = "alert.acknowledge"
    ALERT_ASSIGN = "alert.assign"
    ALERT_COMMENT = "alert.comment"
    ALERT_RESOLVE = "alert.resolve"
    ALERT_SNOOZE = "alert.snooze"
    ALERTING_POLICY_ACTIVATE = "alerting_policy.activate"
    ALERTING_POLICY_DRAFT = "alerting_policy.draft"
    ALERTING_POLICY_SET = "alerting_policy.set"
    ATTESTATION_GIVE = "attestation.give"
    AUDIT_EXPORT = "audit.export"
    CHANNEL_CHANGE = "channel.change"
    CHANNEL_CREATE = "channel.create"
    CHANNEL_DISABLE = "channel.disable"
    CHANNEL_REMOVE = "channel.remove"
    CHANNEL_TEST = "channel.test"
    CLIENT_CHANGE = "client.change"
    CLIENT_CREATE = "client.create"
    CLIENT_KEYS_REPLACE = "client_keys.replace"
    CLIENT_REVOKE = "client.revoke"
    CLIENT_SECRET_CREATE = "client_secret.create"  # noqa: S105
    CLIENT_SECRET_REVOKE = "client_secret.revoke"  # noqa: S105
    CONTACTS_CONFIRM = "contacts.confirm"
    CONTACTS_REPLACE = "contacts.replace"
    CONTRACT_CHANGE = "contract.change"
    CONTRACT_CLOSE = "contract.close"
    CONTRACT_CREATE = "contract.create"
    DEVICE_APPROVE = "device.approve"
    DEVICE_CHANGE = "device.change"
    DEVICE_CLEAR = "device.clear"
    DEVICE_ENROL = "device.enrol"
    DEVICE_REENROL = "device.reenrol"
    DEVICE_REVOKE = "device.revoke"
    ENROLMENT_TOKEN_CREATE = "enrolment_token.create"  # noqa: S105
    ENROLMENT_TOKEN_REVOKE = "enrolment_token.revoke"  # noqa: S105
    EXCEPTION_CREATE = "exception.create"
    EXCEPTION_END = "exception.end"
    EVIDENCE_ADD = "evidence.add"
    EVIDENCE_READ = "evidence.read"
    IDENTITY_PROVIDER_CREATE = "identity_provider.create"
    IDENTITY_PROVIDER_DISABLE = "identity_provider.disable"
    INCIDENT_CLOSE = "incident.close"
    INCIDENT_DECLARE = "incident.declare"
    INCIDENT_EVIDENCE_READ = "incident_evidence.read"
    INCIDENT_FREEZE = "incident.freeze"
    INCIDENT_LOG = "incident.log"
    INCIDENT_NOTIFY = "incident.notify"
    INCIDENT_STEP = "incident.step"
    INVITATION_CREATE = "invitation.create"
    INVITATION_REVOKE = "invitation.revoke"
    MAINTENANCE_WINDOW_CREATE = "maintenance_window.create"
    MAINTENANCE_WINDOW_END = "maintenance_window.end"
    MEMBER_CHANGE = "member.change"
    MEMBER_JOIN = "member.join"
    MEMBER_REMOVE = "member.remove"
    OPENING_HOURS_FORGET = "opening_hours.forget"
    OPENING_HOURS_SET = "opening_hours.set"
    POLICY_CHANGE = "policy.change"
    PRACTICE_ARCHIVE = "practice.archive"
    PRACTICE_ASSIGN = "practice.assign"
    PRACTICE_CHANGE = "practice.change"
    PRACTICE_CREATE = "practice.create"
    PRACTICE_IMPORT = "practice.import"
    PRACTICE_EXPORT = "practice.export"
    PRACTICE_SUPPLIERS_CONFIRM = "practice_suppliers.confirm"
    PRACTICE_SUPPLIER_ADD = "practice_supplier.add"
    PRACTICE_SUPPLIER_REMOVE = "practice_supplier.remove"
    PRACTICE_SUPPLIER_SET = "practice_supplier.set"
    PROVIDER_CREATE = "provider.create"
    PROVIDER_LOGO_REMOVE = "provider_logo.remove"
    PROVIDER_LOGO_SET = "provider_logo.set"
    QUESTIONNAIRE_ANSWER = "questionnaire.answer"
    QUESTIONNAIRE_COPY = "questionnaire.copy"
    QUESTIONNAIRE_CREATE = "questionnaire.create"
    QUESTIONNAIRE_REFRESH = "questionnaire.refresh"
    QUESTIONNAIRE_SIGN = "questionnaire.sign"
    REPORT_ISSUE = "report.issue"
    REPORT_SCHEDULE_SET = "report_schedule.set"
    RESTORE_TEST_RECORD = "restore_test.record"
    RETENTION_PURGE = "retention.purge"
    SAVED_VIEW_KEEP = "saved_view.keep"
    SAVED_VIEW_REMOVE = "saved_view.remove"
    SESSION_END = "session.end"
    SESSION_OPEN = "session.open"
    SESSION_SWITCH = "session.switch"
    SUPPLIER_CERTIFICATE_CREATE = "supplier_certificate.create"
    SUPPLIER_CERTIFICATE_WITHDRAW = "supplier_certificate.withdraw"
    SUPPLIER_CHANGE = "supplier.change"
    SUPPLIER_CREATE = "supplier.create"
    WEBHOOK_DELIVERY_REDELIVER = "webhook_delivery.redeliver"
    WEBHOOK_ENDPOINT_CHANGE = "webhook_endpoint.change"
    WEBHOOK_ENDPOINT_CREATE = "webhook_endpoint.create"
    WEBHOOK_ENDPOINT_DISABLE = "webhook_endpoint.disable"
    WEBHOOK_ENDPOINT_REMOVE = "webhook_endpoint.remove"
    WEBHOOK_ENDPOINT_TEST = "webhook_endpoint.test"
    WEBHOOK_SECRET_ROTATE = "webhook_secret.rotate"  # noqa: S105

    @property
    def object_kind(self) -> str:
        """Return the kind of thing this is done to."""
        return self.value.partition(".")[0]


ROUTE_ACTIONS: Final[Mapping[str, Action]] = {
    "acknowledge_alert": Action.ALERT_ACKNOWLEDGE,
    "activate_alerting_policy": Action.ALERTING_POLICY_ACTIVATE,
    "announce_maintenance": Action.MAINTENANCE_WINDOW_CREATE,
    "answer_questionnaire": Action.QUESTIONNAIRE_ANSWER,
    "add_evidence": Action.EVIDENCE_ADD,
    "answer_control": Action.ATTESTATION_GIVE,
    "answer_for_many": Action.ATTESTATION_GIVE,
    "add_certificate": Action.SUPPLIER_CERTIFICATE_CREATE,
    "add_contract": Action.CONTRACT_CREATE,
    "add_practice_supplier": Action.PRACTICE_SUPPLIER_ADD,
    "add_supplier": Action.SUPPLIER_CREATE,
    "approve_device": Action.DEVICE_APPROVE,
    "clear_suspicion": Action.DEVICE_CLEAR,
    "archive_practice": Action.PRACTICE_ARCHIVE,
    "assign_alert": Action.ALERT_ASSIGN,
    "change_action": Action.ACTION_CHANGE,
    "change_channel": Action.CHANNEL_CHANGE,
    "change_client": Action.CLIENT_CHANGE,
    "change_contract": Action.CONTRACT_CHANGE,
    "change_device": Action.DEVICE_CHANGE,
    "change_member": Action.MEMBER_CHANGE,
    "change_policy": Action.POLICY_CHANGE,
    "change_practice": Action.PRACTICE_CHANGE,
    "copy_questionnaire": Action.QUESTIONNAIRE_COPY,
    "change_supplier": Action.SUPPLIER_CHANGE,
    "change_webhook_endpoint": Action.WEBHOOK_ENDPOINT_CHANGE,
    "comment_alert": Action.ALERT_COMMENT,
    "close_contract": Action.CONTRACT_CLOSE,
    "close_incident": Action.INCIDENT_CLOSE,
    "confirm_contacts": Action.CONTACTS_CONFIRM,
    "confirm_practice_suppliers": Action.PRACTICE_SUPPLIERS_CONFIRM,
    "create_channel": Action.CHANNEL_CREATE,
    "create_client": Action.CLIENT_CREATE,
    "create_client_secret": Action.CLIENT_SECRET_CREATE,
    "create_enrolment_token": Action.ENROLMENT_TOKEN_CREATE,
    "create_identity_provider": Action.IDENTITY_PROVIDER_CREATE,
    "create_invitation": Action.INVITATION_CREATE,
    "create_practice": Action.PRACTICE_CREATE,
    "import_practices": Action.PRACTICE_IMPORT,
    "create_questionnaire": Action.QUESTIONNAIRE_CREATE,
    "create_webhook_endpoint": Action.WEBHOOK_ENDPOINT_CREATE,
    "declare_incident": Action.INCIDENT_DECLARE,
    "draft_alerting_policy": Action.ALERTING_POLICY_DRAFT,
    "end_maintenance": Action.MAINTENANCE_WINDOW_END,
    "disable_identity_provider": Action.IDENTITY_PROVIDER_DISABLE,
    "download_current_report": Action.REPORT_ISSUE,
    "end_exception": Action.EXCEPTION_END,
    "end_own_session": Action.SESSION_END,
    "delete_client_secret": Action.CLIENT_SECRET_REVOKE,
    "export_audit": Action.AUDIT_EXPORT,
    "freeze_incident": Action.INCIDENT_FREEZE,
    "export_practices": Action.PRACTICE_EXPORT,
    "forget_opening_hours": Action.OPENING_HOURS_FORGET,
    "give_responsible": Action.PRACTICE_ASSIGN,
    "grant_exception": Action.EXCEPTION_CREATE,
    "log_incident": Action.INCIDENT_LOG,
    "mark_incident_step": Action.INCIDENT_STEP,
    "note_incident_notice": Action.INCIDENT_NOTIFY,
    "keep_view": Action.SAVED_VIEW_KEEP,
    "make_report": Action.REPORT_ISSUE,
    "refresh_questionnaire": Action.QUESTIONNAIRE_REFRESH,
    "read_evidence": Action.EVIDENCE_READ,
    "read_incident_evidence": Action.INCIDENT_EVIDENCE_READ,
    "record_restore_test": Action.RESTORE_TEST_RECORD,
    "redeliver_webhook": Action.WEBHOOK_DELIVERY_REDELIVER,
    "remove_channel": Action.CHANNEL_REMOVE,
    "remove_device": Action.DEVICE_REVOKE,
    "remove_member": Action.MEMBER_REMOVE,
    "remove_provider_logo": Action.PROVIDER_LOGO_REMOVE,
    "remove_practice_supplier": Action.PRACTICE_SUPPLIER_REMOVE,
    "remove_view": Action.SAVED_VIEW_REMOVE,
    "remove_webhook_endpoint": Action.WEBHOOK_ENDPOINT_REMOVE,
    "replace_client_keys": Action.CLIENT_KEYS_REPLACE,
    "replace_contacts": Action.CONTACTS_REPLACE,
    "resolve_alert": Action.ALERT_RESOLVE,
    "revoke_client": Action.CLIENT_REVOKE,
    "revoke_device": Action.DEVICE_REVOKE,
    "revoke_enrolment_token": Action.ENROLMENT_TOKEN_REVOKE,
    "revoke_invitation": Action.INVITATION_REVOKE,
    "rotate_webhook_secret": Action.WEBHOOK_SECRET_ROTATE,
    "set_alerting_policy": Action.ALERTING_POLICY_SET,
    "snooze_alert": Action.ALERT_SNOOZE,
    "set_opening_hours": Action.OPENING_HOURS_SET,
    "set_provider_logo": Action.PROVIDER_LOGO_SET,
    "set_practice_report_schedule": Action.REPORT_SCHEDULE_SET,
    "set_report_schedule": Action.REPORT_SCHEDULE_SET,
    "sign_questionnaire": Action.QUESTIONNAIRE_SIGN,
    "set_practice_supplier": Action.PRACTICE_SUPPLIER_SET,
    "test_channel": Action.CHANNEL_TEST,
    "switch_membership": Action.SESSION_SWITCH,
    "test_webhook_endpoint": Action.WEBHOOK_ENDPOINT_TEST,
    "withdraw_certificate": Action.SUPPLIER_CERTIFICATE_WITHDRAW,
}
"""Function of a guarded route → what calling it does. The guard records it; nothing in the route needs to."""
