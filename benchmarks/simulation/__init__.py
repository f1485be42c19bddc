"""What a rate that no machine here can make would need and cost, reckoned from what is measured.

What this project decides (requests, write units and CPU a record) is measured; what AWS decides is
an assumption, with its source.
"""
