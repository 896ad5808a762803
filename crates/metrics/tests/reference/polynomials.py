"""Coefficients of the polynomials in src/position/lanes.rs, and their largest errors.

Least squares on dense Chebyshev nodes: within a few per cent of minimax. Run: python polynomials.py
"""

from math import factorial, log

import numpy as np
from numpy.polynomial import Polynomial


def fit(name, f, low, high, degree):
    nodes = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    x = nodes * (high - low) / 2 + (low + high) / 2
    poly = Polynomial.fit(x, f(x), degree, domain=[low, high]).convert()
    error = np.max(np.abs(poly(x) - f(x)))
    print(f"{name} on [{low:.4g}, {high:.4g}]: largest error {error:.1e}")
    print("    " + ", ".join(f"{c:.9g}" for c in poly.coef))


def exp_rest(r):
    """(e^r - 1 - r) / r^2"""
    return sum(r**k / float(factorial(k + 2)) for k in range(18))


def even(x):
    """Even part of (d - 1 + e^-d) / d^2, x = d^2"""
    return sum(x**k / float(factorial(2 * k + 2)) for k in range(12))


def odd(x):
    """Minus the odd part, divided by d"""
    return sum(x**k / float(factorial(2 * k + 3)) for k in range(12))


def phi(x):
    """[(1+t) ln(1+t) + (1-t) ln(1-t)] / d^2 with t = tanh(d/2), x = d^2"""
    d = np.sqrt(np.maximum(x, 1e-300))
    t = np.tanh(d / 2)
    return (t / d) ** 2 * sum(t ** (2 * k - 2) / (k * (2 * k - 1)) for k in range(1, 80))


half = 0.5 * log(2) * 1.001
fit("exp_rest", exp_rest, -half, half, 4)
fit("even", even, 0, 1, 3)
fit("odd", odd, 0, 1, 3)
fit("phi", phi, 0, 1, 4)
middle = 0.73
fit("log1p(0.73 + y)", lambda y: np.log1p(middle + y), np.tanh(0.5) - middle, 1 - middle, 7)
