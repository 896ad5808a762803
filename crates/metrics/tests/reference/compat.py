"""The printed block by its definitions, in numpy, for tests/compat.rs: python compat.py > compat_values.rs"""

import numpy as np

k = np.arange(500)
base, nll, kl, same = (k * 7 % 13) * 0.25, (k * 5 % 11) * 0.5, (k * 3 % 101) * 0.03125, k % 3 != 0
n = len(k)


def mean(x):
    return x.mean(), np.sqrt((np.mean(x * x) - x.mean() ** 2) / (n - 1))


(s, se_s), (t, se_t) = mean(nll), mean(base)
cov = (np.mean(nll * base) - s * t) / (n - 1)
ln_ratio, ln_error = s - t, np.sqrt(se_s**2 + se_t**2 - 2 * cov)
a, b = np.exp(s), np.exp(t)
delta = np.exp(-nll) - np.exp(-base)
square, square_error = mean(delta**2)
share = same.mean()
numbers = [
    a, a * se_s, b, b * se_t, ln_ratio, ln_error, np.exp(ln_ratio), np.exp(ln_ratio) * ln_error,
    a - b, np.sqrt((a * se_s) ** 2 + (b * se_t) ** 2 - 2 * a * b * cov),
    *mean(kl), *mean(delta), np.sqrt(square), 0.5 / np.sqrt(square) * square_error,
    share, np.sqrt(share * (1 - share) / (n - 1)), cov / (se_s * se_t),
    *np.percentile(kl, [100, 99.9, 99, 95, 90, 50, 10, 5, 1, 0.1, 0]),
    *np.percentile(delta, [100, 99.9, 99, 95, 90, 75, 50, 25, 10, 5, 1, 0.1, 0]),
]
print("// Written by tests/reference/compat.py with numpy.")
print(f"const BLOCK: [f64; {len(numbers)}] = [{', '.join(repr(float(x)) for x in numbers)}];")
