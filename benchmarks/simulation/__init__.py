"""Beyond one machine: what documented limits let the pipeline do, simulated.

What AWS decides is an assumption, with its source; what this project decides (requests, write units
and CPU a record) is measured. A run is repeatable: chance has a fixed seed.
"""
