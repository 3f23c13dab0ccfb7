"""dpmm's MST (McKenna et al. 2021, arXiv:2108.04978) at its defaults: 5,000 iterations."""

from benchmarks.peers.dpmm_pipeline import main

if __name__ == "__main__":
    main("MSTPipeline")
