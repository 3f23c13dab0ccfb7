"""TVAE of the ctgan package (see `ctgan.py`) at its defaults, without privacy."""

from benchmarks.peers.ctgan import main

if __name__ == "__main__":
    main("TVAE")
