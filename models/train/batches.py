"""Batches of the training recipes."""


def batches(lengths, budget, rng):
    """Indices in batches of like length, at most `budget` pieces with padding."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + rng.random() * 8)
    out, batch = [], []
    for i in order:
        longest = max([lengths[i]] + [lengths[j] for j in batch])
        if batch and longest * (len(batch) + 1) > budget:
            out.append(batch)
            batch = []
        batch.append(i)
    out.append(batch)
    rng.shuffle(out)
    return out
