"""U2-NetP, a network of 1.1 million parameters that tells the figure of a picture from what is behind it.

From outside: `segment.segment`, a picture -> its mask. `u2net` is the network; its weights lie in models/ and are made
by tools/convert_u2netp.py.
"""
