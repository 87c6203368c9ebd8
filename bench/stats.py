# SPDX-License-Identifier: Apache-2.0
"""Medians with their spread, and nothing cleverer."""
import statistics


def quantile(values, part):
    """The value that PART of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def spread(values):
    """Median, the middle half's ends, extremes, and how many there were."""
    return {"median": statistics.median(values), "q1": quantile(values, 0.25),
            "q3": quantile(values, 0.75), "min": min(values), "max": max(values),
            "samples": len(values)}


def ratios(these, those):
    """Of pairs that were measured one right after the other."""
    return spread([a / b for a, b in zip(these, those)])
