"""The paper's claims, measured at small scale: a benchmark with known colours, its measures, and the experiment."""
