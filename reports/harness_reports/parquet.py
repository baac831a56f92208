"""Every metric, one a row: the tidy table with its types."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from harness.api.reporting import ReportData
from harness_reports.tidy import FORMAT_VERSION, flat


def render(report: ReportData) -> bytes:
    """Return the tidy metrics as the bytes of a parquet file; `where` is JSON text.

    The schema's metadata holds the run's name and the format's version.
    """
    table = pa.Table.from_pandas(flat(report.metrics), preserve_index=False)
    facts = {"model_harness_run": report.run, "model_harness_format": str(FORMAT_VERSION)}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **facts})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())
