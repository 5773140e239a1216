"""What this device can do at best, measured: multiply-adds, memory traffic, the cost of a call, and how far processes
differ. One process searches for the best shape and layout of each; fresh ones, which had no part in it, time that.
"""
