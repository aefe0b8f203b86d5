"""The conformance kit: what any source, filter, model, readout, tracker or sink must keep to, built in or plugged in.

Each `check_*` returns one `Finding` a promise, in a fixed order, and never raises for what the object does: an
exception is a broken promise too. From pytest: `assert_conforms(check_model(my_model))`.
"""

from streamsnn.checks.answers import check_readout, check_sink, check_tracker
from streamsnn.checks.findings import Finding, assert_conforms
from streamsnn.checks.models import check_model
from streamsnn.checks.packets import check_filter, check_source

__all__ = [
    "Finding",
    "assert_conforms",
    "check_filter",
    "check_model",
    "check_readout",
    "check_sink",
    "check_source",
    "check_tracker",
]
