"""Reference values of numpy and scipy for tests/positions.rs: python positions.py > positions_values.rs"""

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax

i = np.arange(300)
t, s = ((i * 31 + 5) % 97) * 0.125, ((i * 57 + 11) % 97) * 0.125
lp, lq = log_softmax(t), log_softmax(s)
p, q = np.exp(lp), np.exp(lq)
top = np.lexsort((i, -t))[:10]
numbers = [
    stats.entropy(p, q),
    stats.entropy(q, p),
    jensenshannon(p, q) ** 2,
    np.minimum(p, q).sum(),
    stats.entropy(p),
    stats.entropy(q),
    stats.kendalltau(t[top], s[top]).statistic,
]
print("// Written by tests/reference/positions.py with numpy and scipy: KL, reverse KL, Jensen-Shannon, overlap,")
print("// entropies of teacher and student, Kendall's tau-b on the teacher's top 10.")
print(f"const NUMPY: [f64; 7] = [{', '.join(repr(float(x)) for x in numbers)}];")
