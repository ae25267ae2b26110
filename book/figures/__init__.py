"""What the chapters draw, one module a chapter, over the shared forms of `base`.

A chapter says ``from figures import noise as figures`` and then ``figures.noise_column(...)``.
Every function takes computed data and returns a figure.
"""
