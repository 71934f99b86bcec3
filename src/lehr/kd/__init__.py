"""Knowledge distillation, Annealing-KD first: logits, labels and progress, and no task.

`distill` is the everyday call; `stages` has the methods, `objectives` their losses, `annealing` the function Φ,
`teacher` the logits that are computed once and kept.
"""

from .annealing import phi
from .data import Inputs
from .distillation import Distilled, distill
from .objectives import OBJECTIVES
from .stages import METHODS, Stage, method
from .teacher import Logits, keep_logits

__all__ = ["METHODS", "OBJECTIVES", "Distilled", "Inputs", "Logits", "Stage", "distill", "keep_logits", "method", "phi"]
