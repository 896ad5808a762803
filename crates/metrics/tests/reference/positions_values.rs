// Written by tests/reference/positions.py with numpy and scipy: KL, reverse KL, Jensen-Shannon, overlap,
// entropies of teacher and student, Kendall's tau-b on the teacher's top 10.
const NUMPY: [f64; 7] = [
    5.225416397526795,
    5.301905193155742,
    0.5190902029203529,
    0.16530660171724607,
    4.196708598130938,
    4.209874552673176,
    -0.27272727272727276,
];
