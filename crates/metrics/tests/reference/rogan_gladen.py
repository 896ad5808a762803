"""The ends in tests/rogan_gladen.rs: Lang and Reiczigel's interval (2014) on one item a family.

python3 rogan_gladen.py; only the standard library. Student's quantiles by bisection of its distribution.
"""

from math import exp, lgamma, pi, sqrt
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def student(freedom):
    scale = 1 / sqrt(freedom * pi)
    scale *= exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2))
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

    def below(x, steps=4000):
        h = x / steps
        inner = sum((4 if i % 2 else 2) * density(i * h) for i in range(1, steps))
        return 0.5 + h / 3 * (density(0) + inner + density(x))

    low, high = 0.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 0.975 else (low, middle)
    return low


def effective(items):
    # The jackknife of a share of n items has the variance x(1 - x)/(n - 1).
    return (items - 1) * (Z / student(items - 1)) ** 2


def shrunk(hits, items, more):
    n = effective(items)
    return (hits / items * n + more / 2) / (n + more), n + more


q, nq = shrunk(100, 400, Z * Z)
se, nse = shrunk(90, 100, 2)
sp, nsp = shrunk(190, 200, 2)
j = se + sp - 1
p = (q + sp - 1) / j
v = lambda x, n: x * (1 - x) / n
shift = 2 * Z * Z * (p * v(se, nse) - (1 - p) * v(sp, nsp))
half = Z * sqrt(v(q, nq) + p * p * v(se, nse) + (1 - p) ** 2 * v(sp, nsp)) / j
print(f"const LOW: f64 = {p + shift - half:.9f};")
print(f"const HIGH: f64 = {p + shift + half:.9f};")
