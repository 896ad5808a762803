#!/usr/bin/env python3
"""Values and gradients of every loss by PyTorch's autograd, in f64, for tests/losses.rs and tests/hidden.rs.

    python crates/distill/tests/reference/losses.py > crates/distill/tests/reference/losses.json

Needs: pip install torch numpy
"""

import json

import torch

VOCABULARY = 37


def both(teacher, student, temperature):
    return (torch.log_softmax(z / temperature, -1) for z in (teacher, student))


def kl(a, b):
    return (a.exp() * (a - b)).sum()


def mixed(a, b, share):
    """ln of share of a and the rest of b."""
    return (share * a.exp() + (1 - share) * b.exp()).log()


def jensen_shannon(p, q, beta):
    m = mixed(p, q, beta)
    return (beta * kl(p, m) + (1 - beta) * kl(q, m)) / (beta * (1 - beta))


def top_k_tail(p, q, k):
    head = p.topk(k).indices
    mass, student = (torch.stack([row.exp()[head].sum(), 1 - row.exp()[head].sum()]) for row in (p, q))
    return (p.exp()[head] * (p - q)[head]).sum() + mass[1] * (mass[1] / student[1]).log()


LOSSES = {
    "forward_kl": (kl, "forward_kl"),
    "reverse_kl": (lambda p, q: kl(q, p), "reverse_kl"),
    "jensen_shannon 0.5": (lambda p, q: jensen_shannon(p, q, 0.5), {"jensen_shannon": {"beta": 0.5}}),
    "jensen_shannon 0.1": (lambda p, q: jensen_shannon(p, q, 0.1), {"jensen_shannon": {"beta": 0.1}}),
    "jensen_shannon 0": (kl, {"jensen_shannon": {"beta": 0.0}}),
    "jensen_shannon 1": (lambda p, q: kl(q, p), {"jensen_shannon": {"beta": 1.0}}),
    "skewed_kl": (lambda p, q: kl(p, mixed(p, q, 0.1)), {"skewed_kl": {"lambda": 0.1}}),
    "skewed_reverse_kl": (lambda p, q: kl(q, mixed(q, p, 0.1)), {"skewed_reverse_kl": {"lambda": 0.1}}),
    "total_variation": (lambda p, q: 0.5 * (p.exp() - q.exp()).abs().sum(), "total_variation"),
    "top_k_tail": (lambda p, q: top_k_tail(p, q, 5), {"top_k_tail": {"k": 5}}),
}


def distance(name, s, t):
    """Of each row of hidden states, by PyTorch's own functions."""
    if name == "cosine":
        return torch.nn.functional.cosine_embedding_loss(s, t, torch.ones(len(s)), reduction="none")
    return torch.nn.functional.mse_loss(s, t, reduction="none").mean(-1)


def hidden_cases():
    """Rows of hidden states, each counted differently, through a projector where the widths differ."""
    rows = 5
    for name in ("cosine", "mean_square"):
        for mine, theirs in ((12, 12), (8, 12), (12, 7)):
            student, teacher = 2 * torch.randn(rows, mine), 2 * torch.randn(rows, theirs)
            projector = torch.randn(theirs, mine) / mine**0.5 if mine != theirs else None
            factors = torch.rand(rows)
            s = student.double().requires_grad_()
            p = None if projector is None else projector.double().requires_grad_()
            found = distance(name, s if p is None else s @ p.T, teacher.double())
            (found * factors.double()).sum().backward()
            yield {
                "distance": name,
                "widths": [mine, theirs],
                "student": student.flatten().tolist(),
                "teacher": teacher.flatten().tolist(),
                "projector": None if p is None else projector.flatten().tolist(),
                "factors": factors.double().tolist(),
                "distances": found.tolist(),
                "d_student": s.grad.flatten().tolist(),
                "d_projector": None if p is None else p.grad.flatten().tolist(),
            }


def main():
    torch.manual_seed(20_260_101)
    cases = []
    for name, (divergence, setting) in LOSSES.items():
        for temperature in (1.0, 2.0):
            for hard in (0.0, 0.3):
                # Through f32, so that both sides begin with the same numbers.
                teacher, student = (3 * torch.randn(VOCABULARY) for _ in range(2))
                token = int(torch.randint(VOCABULARY, ()))
                z = student.double().requires_grad_()
                found = divergence(*both(teacher.double(), z, temperature))
                hard_loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([token]))
                loss = hard * hard_loss + (1 - hard) * temperature**2 * found
                loss.backward()
                cases.append(
                    {
                        "name": f"{name}, T {temperature}, hard {hard}",
                        "divergence": setting,
                        "temperature": temperature,
                        "hard": hard,
                        "token": token,
                        "teacher": teacher.tolist(),
                        "student": student.tolist(),
                        "loss": loss.item(),
                        "gradient": z.grad.tolist(),
                    }
                )
    print(json.dumps({"torch": torch.__version__, "cases": cases, "hidden": list(hidden_cases())}, indent=None))


if __name__ == "__main__":
    main()
