"""What an import wrote, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replay.importers.drafts import Dropped, Skipped


@dataclass(frozen=True, slots=True)
class ImportedRecording:
    """One recording written.

    Parameters
    ----------
    path : Path
        Its folder.
    spindle : str
        Its spindle's name.
    duration_s : float
        Stream time.
    n_read : int
        Rows or samples of the source.
    n_samples : int
        Sample times written, over all groups.
    n_faults : int
        Labelled.
    dropped : tuple[Dropped, ...]
        Left out or mended.
    notes : tuple[str, ...]
        As in its ``recording.toml``.
    """

    path: Path
    spindle: str
    duration_s: float
    n_read: int
    n_samples: int
    n_faults: int
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a source.

    Parameters
    ----------
    format : str
        Importer's name.
    source : Path
        File or folder read.
    recordings : tuple[ImportedRecording, ...]
        Written.
    skipped : tuple[Skipped, ...]
        Files that gave none.
    """

    format: str
    source: Path
    recordings: tuple[ImportedRecording, ...]
    skipped: tuple[Skipped, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "format": self.format,
            "source": str(self.source),
            "recordings": [_recording_dict(recording) for recording in self.recordings],
            "skipped": [{"path": str(item.path), "reason": item.reason} for item in self.skipped],
        }

    def lines(self) -> list[str]:
        """Lines for people: one for each recording, with what it lost below it; notes that all share come last."""
        lines = []
        for recording in self.recordings:
            lines.append(
                f"wrote {recording.path}: {recording.n_samples} samples, {recording.duration_s:.1f} s, "
                f"{recording.n_faults} labelled faults"
            )
            lines += [f"  dropped {item}" for item in recording.dropped]
        lines += [f"skipped {item.path}: {item.reason}" for item in self.skipped]
        notes = dict.fromkeys(note for recording in self.recordings for note in recording.notes)
        told = {f"Dropped {item}" for recording in self.recordings for item in recording.dropped}
        return lines + [f"note: {note}" for note in notes if note not in told]


def _recording_dict(recording: ImportedRecording) -> dict[str, Any]:
    return {
        "path": str(recording.path),
        "spindle": recording.spindle,
        "duration_s": round(recording.duration_s, 6),
        "rows_read": recording.n_read,
        "samples": recording.n_samples,
        "faults": recording.n_faults,
        "dropped": [{"n": item.n, "what": item.what, "reason": item.reason} for item in recording.dropped],
        "notes": list(recording.notes),
    }
