"""dpmm's PrivBayes (Zhang et al. 2017) with Private-PGM at its defaults: degree 2."""

from benchmarks.peers.dpmm_pipeline import main

if __name__ == "__main__":
    main("PrivBayesPipeline")
