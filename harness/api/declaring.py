"""What items declare beside `harness.api`'s own names: charts, verdicts, floors, the heading of a gallery, what files
hold before they are read, quantities in options, pairs of shifts and severities; and what reads many files on several
threads, and makes 64 bits of each row. As light as that, so what registers items may import it.
"""

from harness.catalogue.charts import MODELS, Scatter, Tradeoff
from harness.catalogue.gallery import Gallery
from harness.catalogue.shown import Floor, Verdict
from harness.data.identity import hash_texts, mix_columns
from harness.data.in_parallel import in_parallel
from harness.data.outline import Outline
from harness.measure.corrupted_copies import shift_pairs
from harness.plan.quantities import parse_fraction, parse_size

__all__ = [
    "MODELS",
    "Floor",
    "Gallery",
    "Outline",
    "Scatter",
    "Tradeoff",
    "Verdict",
    "hash_texts",
    "in_parallel",
    "mix_columns",
    "parse_fraction",
    "parse_size",
    "shift_pairs",
]
