"""Reference values of scipy for tests/intervals.rs: python tests.py > tests_values.rs"""

import numpy as np
from scipy import stats

r = repr
f = lambda x: repr(float(x))

print("// Written by tests/reference/tests.py with scipy.")
values = np.array([k * k % 17 for k in range(60)], float)
half = stats.t.ppf(0.975, 59) * values.std(ddof=1) / np.sqrt(60)
m = values.mean()
print(f"const MEAN_OF_60: [f64; 3] = [{f(m)}, {f(m - half)}, {f(m + half)}];")

rows = []
for k, n, level in [(0, 10, 0.95), (10, 10, 0.95), (3, 10, 0.95), (1, 300, 0.95), (450, 1000, 0.9), (0, 300, 0.99)]:
    test = stats.binomtest(k, n)
    exact = test.proportion_ci(level, "exact")
    rows.append(f"    ({k}, {n}, {level}, {f(exact.low)}, {f(exact.high)}),")
print(f"const PROPORTIONS: [(u64, u64, f64, f64, f64); {len(rows)}] = [")
print("\n".join(rows) + "\n];")

rows = [(t, df, 2 * stats.t.sf(abs(t), df)) for t, df in [(0.0, 3), (1.5, 7.5), (-2.2, 30), (6.0, 59)]]
print(f"const T_TESTS: [(f64, f64, f64); {len(rows)}] = [")
for t, df, p in rows:
    print(f"    ({f(t)}, {f(df)}, {f(p)}),")
print("];")

p = np.array([0.04, 0.001, 0.03, 0.2, 0.005, 0.9, 0.03])
order = np.argsort(p, kind="stable")
holm = np.empty_like(p)
holm[order] = np.minimum(1, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
for name, v in [("P_VALUES", p), ("HOLM", holm), ("BENJAMINI_HOCHBERG", stats.false_discovery_control(p))]:
    print(f"const {name}: [f64; {len(v)}] = [{', '.join(f(x) for x in v)}];")
