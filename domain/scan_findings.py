"""What is wrong with the scans of one application, looked at together (R2)."""

from collections.abc import Sequence

from domain.application import DocumentKind
from domain.scan_faults import ScanFault
from domain.scans import ScanVerdict, repeated


def faults_of(scans: Sequence[tuple[DocumentKind, ScanVerdict]]) -> tuple[ScanFault | None, ...]:
    """The fault of each scan, in the order given; None for a good one.

    Args:
        scans: What a check found out about each, in the order they were handed in; a kind may
            have several.
    """
    good = [(kind, verdict.sha256) for kind, verdict in scans if verdict.sha256]
    again = {
        (kind, sha256)
        for _, sha256 in good
        for kind in repeated({kind: sha256 for kind, same in good if same == sha256})
    }
    return tuple(
        verdict.fault or (ScanFault.REPEATED if (kind, verdict.sha256) in again else None)
        for kind, verdict in scans
    )
