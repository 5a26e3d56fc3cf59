"""What can be refused about reports."""

from vigie.core.errors import AppError


class ReportPeriodError(AppError):
    """The period ends before it begins, lies in the future, or is longer than what is kept."""

    status, code = 422, "report.period"
    title = "The period of the report is not possible"
    title_fr = "La période du rapport n'est pas possible"


class ReportTooLargeError(AppError):
    """The report would be larger than what is kept; nothing in a practice should make it so."""

    status, code = 422, "report.too_large"
    title, title_fr = "The report would be too large to keep", "Le rapport serait trop volumineux pour être conservé"


class ReportScheduleError(AppError):
    """A report that is made by itself has to be told to somebody: one channel, or members, who are there."""

    status, code = 422, "report.nobody_to_tell"
    title = "Nobody would be told of the report"
    title_fr = "Personne ne serait averti du rapport"


class LogoRefusedError(AppError):
    """The picture is no PNG of a size that fits a page head."""

    status, code = 422, "provider.logo_refused"
    title = "The logo has to be a PNG of at most 256 kB and 2,000 pixels a side"
    title_fr = "Le logo doit être un PNG d'au plus 256 ko et 2 000 pixels de côté"
