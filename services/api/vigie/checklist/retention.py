"""What of the checklist is forgotten: files that were uploaded and put behind no answer. Answers and signatures stay."""

from typing import Final

from vigie.core.retention import Purge

PURGES: Final = (
    Purge(
        "unused_files",
        "unused_files",
        """
        DELETE FROM evidence WHERE provider_id = $1 AND id IN (
            SELECT e.id FROM evidence e
            WHERE e.provider_id = $1 AND e.uploaded_at < $2 AND NOT EXISTS (
                SELECT FROM attestation_evidence a
                WHERE a.provider_id = $1 AND a.practice_id = e.practice_id AND a.evidence_id = e.id)
            LIMIT $3)
        """,
    ),
)
