"""The table of metrics in the manual is the list of the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

from ntp_ctl.openmetrics import collect
from unit.ntp_ctl.documents import falseticker, serving

MANUAL = Path(__file__).parents[3] / "docs" / "man" / "ntp-metrics-exporter.8.md"


def test_every_metric_stands_in_the_manual_with_its_type_and_labels() -> None:
    rows = re.findall(r"^\| `(ntp_\w+)` \| (\w+) \|([^|]*)\|", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {(name, kind, tuple(labels.strip().split(", ")) if labels.strip() else ()) for name, kind, labels in rows}
    families = [*collect(falseticker()), *collect(serving())]
    served = {(sample.name, family.type, tuple(sample.labels)) for family in families for sample in family.samples}
    assert documented == served
    assert len(rows) == len(documented)
