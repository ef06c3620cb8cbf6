"""What every job imports: its step and run, the batches that it publishes, and its main."""

from fabyield.pipeline.launch import main
from fabyield.pipeline.run import Run
from fabyield.pipeline.steps import Step, Turn
from fabyield.quality.batch import Batch

__all__ = ["Batch", "Run", "Step", "Turn", "main"]
