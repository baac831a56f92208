"""What techniques and adversarial training are written with: hooks, what they are told, and cheaper passes of a model.

Importing it imports no torch.
"""

from harness.data.folded_norms import NormFolding
from harness.machine.matrix_products import onednn_products
from harness.train.techniques import Fitting, TrainingHooks

__all__ = ["Fitting", "NormFolding", "TrainingHooks", "onednn_products"]
