"""What keeps a record of a practice from being written."""

from vigie.core.errors import AppError


class ContactsIncompleteError(AppError):
    """Somebody who has to stand on the incident card cannot be telephoned; `missing` names the kinds."""

    status, code = 409, "contacts.incomplete"
    title, title_fr = "The incident card is not complete", "La fiche réflexe n'est pas complète"


class ContactsChangedError(AppError):
    """Somebody else replaced the contacts since they were read: `If-Match` names another version."""

    status, code = 412, "contacts.changed"
    title = "The contacts were changed by somebody else meanwhile"
    title_fr = "Les contacts ont été modifiés entre-temps par quelqu'un d'autre"


class SupplierNotListedError(AppError):
    """The supplier is not among those of the practice: list it first."""

    status, code = 409, "contract.supplier_not_listed"
    title = "The practice does not list this supplier"
    title_fr = "Ce fournisseur n'est pas dans la liste du cabinet"


class ContractClosedError(AppError):
    """The contract was closed, and stays as it was."""

    status, code = 409, "contract.closed"
    title, title_fr = "The contract is closed", "Le contrat est clos"


class RecordsFullError(AppError):
    """The practice, or the supplier, has as many of these as it may."""

    status, code = 409, "record.too_many"
    title, title_fr = "There are as many of these as there may be", "Le nombre maximal est atteint"


class RestoreTestToComeError(AppError):
    """A restore test dated after today, as days are counted where the practice is."""

    status, code = 422, "restore_test.to_come"
    title = "A restore test is recorded once it was done"
    title_fr = "Un essai de restauration s'enregistre une fois fait"
