"""dpmm's AIM (McKenna et al. 2022, arXiv:2201.12677) at the defaults of its class and paper.

80 MB of model, 1,000 iterations, 16 rounds per column, two-way tables of at most 10,000 cells.
dpmm's *pipeline* would hand `max_model_size=None` to the class, which means no limit at all: memory
then grows with the rounds. 80 is passed instead, the class's own default.
"""

from benchmarks.peers.dpmm_pipeline import main

if __name__ == "__main__":
    main("AIMPipeline", max_model_size=80)
