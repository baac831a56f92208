"""What items declare beside `harness.api`'s own names: charts, verdicts, floors, the heading of a gallery, what files
hold before they are read, and quantities in options. As light as that, so what registers items may import it.
"""

from harness.catalogue.charts import MODELS, Scatter, Tradeoff
from harness.catalogue.gallery import Gallery
from harness.catalogue.shown import Floor, Verdict
from harness.data.outline import Outline
from harness.plan.quantities import parse_fraction, parse_size

__all__ = [
    "MODELS",
    "Floor",
    "Gallery",
    "Outline",
    "Scatter",
    "Tradeoff",
    "Verdict",
    "parse_fraction",
    "parse_size",
]
