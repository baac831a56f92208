"""What techniques and adversarial training are written with: hooks, what they are told, and cheaper passes of a model.

Importing it imports no torch.
"""

from harness.data.search_twin import SearchTwins
from harness.machine.matrix_products import onednn_products
from harness.train.techniques import Fitting, TrainingHooks

__all__ = ["Fitting", "SearchTwins", "TrainingHooks", "onednn_products"]
