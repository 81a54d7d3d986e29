"""A replay as one page to hand over; see `replay/README.md`."""

from replay.report.build import N_PICTURES, gather
from replay.report.page import report_page, write_report

__all__ = ["N_PICTURES", "gather", "report_page", "write_report"]
