"""The computer that samenet runs on: clock, processors, GPU, lock, cache, readings.

May import: nothing of samenet but the small files beside the packages.
"""
