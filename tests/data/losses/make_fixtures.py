#!/usr/bin/env python3
"""Writes policy_options.json, reinforce_plus_plus.json and preference.json beside this script.

The formulas are those of the papers, written on padded lists of numbers, one sequence after another, in Python's fp64.
Gradients are differences with a complex step (f(x + ih) / h, h = 1e-30), which have no cancellation. A value through
which no gradient flows is computed from the undisturbed inputs.
"""
import cmath
import json
import math
import pathlib
import random

STEP = 1e-30
LENGTHS = (6, 3, 1, 0, 4)
LENGTH = max(LENGTHS)


def real(x):
    return x.real if isinstance(x, complex) else x


def exp(x):
    return cmath.exp(x) if isinstance(x, complex) else math.exp(x)


def log(x):
    return cmath.log(x) if isinstance(x, complex) else math.log(x)


def smaller(a, b):
    return a if real(a) <= real(b) else b


def bounded(x, low, high):
    return low if real(x) < low else high if real(x) > high else x


def gradient(function, rows):
    """d function(rows, undisturbed rows) / d rows, entry by entry."""
    result = []
    for i, row in enumerate(rows):
        result.append([])
        for k in range(len(row)):
            moved = [list(r) for r in rows]
            moved[i][k] = complex(row[k], STEP)
            value = function(moved, rows)
            result[-1].append(value.imag / STEP if isinstance(value, complex) else 0.0)
    return result


# The policy loss: arXiv 2507.18071 (GSPO), 2506.13585 (CISPO), truncated and masked importance weights.

def sampler_weight(level, old, sampled, i, k):
    differences = [o - s for o, s in zip(old[i][: LENGTHS[i]], sampled[i][: LENGTHS[i]])]
    if level == "token":
        return math.exp(differences[k])
    total = sum(differences)
    return math.exp(total if level == "sequence" else total / LENGTHS[i])


def correction(params, inputs, i, k):
    weight = 1.0
    if params["rollout_is"] != "none":
        weight = min(sampler_weight(params["rollout_is"], inputs["old_logprobs"], inputs["sampled_logprobs"], i, k),
                     params["rollout_is_threshold"])
    if params["rollout_rs"] != "none":
        ratio = sampler_weight(params["rollout_rs"], inputs["old_logprobs"], inputs["sampled_logprobs"], i, k)
        if not params["lower"] <= ratio <= params["rollout_rs_threshold"]:
            weight = 0.0
    return weight


def policy_loss(params, inputs):
    def loss(logprobs, frozen):
        low, high = 1.0 - params["clip_low"], 1.0 + params["clip_high"]
        total = 0.0
        for i, length in enumerate(LENGTHS):
            old = inputs["old_logprobs"][i]
            of_row = 0.0
            for k in range(length):
                advantage = inputs["advantages"][i] if params["advantages"] == "sample" else inputs["token_advantages"][i][k]
                if params["importance_sampling_level"] == "token":
                    ratio = exp(logprobs[i][k] - old[k])
                    frozen_ratio = exp(frozen[i][k] - old[k])
                else:
                    mean = sum(frozen[i][t] - old[t] for t in range(length)) / length
                    frozen_ratio = math.exp(mean)
                    varies = params["advantages"] == "token" or "token" in (params["rollout_is"], params["rollout_rs"])
                    if not varies:  # GSPO, equation 7: the mean has the gradient
                        ratio = exp(sum(logprobs[i][t] - old[t] for t in range(length)) / length)
                    else:  # a factor that differs from token to token: GSPO-token, equation 14
                        ratio = frozen_ratio * exp(logprobs[i][k] - frozen[i][k])
                if params["loss_mode"] == "cispo":
                    term = -bounded(frozen_ratio, low, high) * advantage * logprobs[i][k]
                else:
                    term = -smaller(ratio * advantage, bounded(ratio, low, high) * advantage)
                term = term * correction(params, inputs, i, k)
                d = inputs["ref_logprobs"][i][k] - logprobs[i][k]
                term = term + params["beta"] * (exp(d) - d - 1.0)
                of_row = of_row + term
            if params["aggregation"] == "sequence_mean":
                total = total + (of_row / length if length else 0.0) / len(LENGTHS)
            else:
                total = total + of_row / sum(LENGTHS)
        return total

    return loss


def policy_metrics(params, inputs):
    """Shares and means over the tokens, for the ratio that the loss clips."""
    low, high, count = 1.0 - params["clip_low"], 1.0 + params["clip_high"], sum(LENGTHS)
    ratios, clipped_low, clipped_high, weights = [], 0, 0, []
    for i, length in enumerate(LENGTHS):
        for k in range(length):
            advantage = inputs["advantages"][i] if params["advantages"] == "sample" else inputs["token_advantages"][i][k]
            differences = [inputs["logprobs"][i][t] - inputs["old_logprobs"][i][t] for t in range(length)]
            ratio = math.exp(differences[k] if params["importance_sampling_level"] == "token" else sum(differences) / length)
            ratios.append(ratio)
            cispo = params["loss_mode"] == "cispo"
            clipped_low += ratio < low and (advantage < 0 or (cispo and advantage > 0))
            clipped_high += ratio > high and (advantage > 0 or (cispo and advantage < 0))
            weights.append(correction(params, inputs, i, k))
    return {"ratio_mean": sum(ratios) / count, "ratio_max": max(ratios), "clip_fraction_low": clipped_low / count,
            "clip_fraction_high": clipped_high / count, "rollout_is_mean": sum(weights) / count,
            "rollout_rs_masked_share": sum(weight == 0.0 for weight in weights) / count}


def policy_options(draw):
    def rows(spread=None, around=None):
        return [[(around[i][k] if around else 0.0) + draw.gauss(0.0, spread) for k in range(LENGTH)]
                for i in range(len(LENGTHS))]

    logprobs = [[-1.5 + value for value in row] for row in rows(0.5)]
    inputs = {"lengths": list(LENGTHS), "logprobs": logprobs, "old_logprobs": rows(0.45, logprobs),
              "ref_logprobs": rows(0.4, logprobs), "advantages": [0.7, -1.2, 0.4, -0.3, -0.8],
              "token_advantages": rows(1.0)}
    inputs["sampled_logprobs"] = rows(0.6, inputs["old_logprobs"])
    common = {"loss_mode": "vanilla", "importance_sampling_level": "token", "clip_low": 0.2, "clip_high": 0.28,
              "aggregation": "token_mean", "beta": 0.0, "advantages": "sample", "rollout_is": "none",
              "rollout_is_threshold": 2.0, "rollout_rs": "none", "rollout_rs_threshold": 2.0, "lower": 0.5}
    cases = {
        "gspo": {"importance_sampling_level": "sequence", "aggregation": "sequence_mean", "clip_low": 0.02, "clip_high": 0.03},
        "gspo_token_mean": {"importance_sampling_level": "sequence", "clip_low": 0.1, "clip_high": 0.1, "beta": 0.05},
        "gspo_token": {"importance_sampling_level": "sequence", "advantages": "token", "clip_low": 0.1, "clip_high": 0.1},
        "cispo": {"loss_mode": "cispo", "clip_low": 1.0},
        "cispo_both_bounds": {"loss_mode": "cispo", "advantages": "token", "clip_low": 0.1, "clip_high": 0.1},
        "tis_token": {"rollout_is": "token", "rollout_is_threshold": 1.2, "beta": 0.05},
        "tis_sequence": {"rollout_is": "sequence", "rollout_is_threshold": 1.5, "aggregation": "sequence_mean"},
        "icepop": {"rollout_is": "token", "rollout_is_threshold": 1.6, "rollout_rs": "token", "rollout_rs_threshold": 1.6, "lower": 0.6},
        "mis_sequence": {"rollout_is": "sequence", "rollout_rs": "sequence", "lower": 0.4, "beta": 0.05},
        "geometric": {"rollout_rs": "geometric", "rollout_rs_threshold": 1.2, "lower": 0.85},
        "gspo_tis": {"importance_sampling_level": "sequence", "rollout_is": "token"},
        "cispo_icepop": {"loss_mode": "cispo", "clip_low": 1.0, "rollout_is": "token", "rollout_rs": "token"},
    }
    found = []
    for name, changes in cases.items():
        params = {**common, **changes}
        loss = policy_loss(params, inputs)
        found.append({"name": name, "params": params, "expected": {
            "loss": loss(logprobs, logprobs), "grad_logprobs": gradient(loss, logprobs),
            "metrics": policy_metrics(params, inputs)}})
    return {"inputs": inputs, "cases": found}


# REINFORCE++, arXiv 2501.03262: reward at the last token, beta k1 at each, discounted sums, one baseline for the batch.

def reinforce_plus_plus(draw):
    inputs = {"lengths": list(LENGTHS), "rewards": [1.0, 0.0, 1.0, 0.5, 0.25],
              "logprobs": [[draw.gauss(-1.5, 0.4) for _ in range(length)] for length in LENGTHS],
              "ref_logprobs": [[draw.gauss(-1.5, 0.4) for _ in range(length)] for length in LENGTHS]}
    cases = []
    for gamma, beta in ((1.0, 0.0), (1.0, 0.1), (0.9, 0.1)):
        returns = []
        for i, length in enumerate(LENGTHS):
            later = 0.0
            of_row = []
            for k in reversed(range(length)):
                reward = -beta * (inputs["logprobs"][i][k] - inputs["ref_logprobs"][i][k])
                later = reward + (inputs["rewards"][i] if k == length - 1 else 0.0) + gamma * later
                of_row.insert(0, later)
            returns += of_row
        mean = sum(returns) / len(returns)
        variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
        cases.append({"gamma": gamma, "beta": beta,
                      "advantages": [(value - mean) / math.sqrt(variance + 1e-8) for value in returns]})
    return {"inputs": inputs, "cases": cases}


# Preferences: arXiv 2305.18290, equation 7 (DPO), with label smoothing as in its cDPO note; Bradley-Terry on scores with
# the penalty of arXiv 2312.09244 on the sum of a pair's scores.

def preference_terms(params, chosen, rejected):
    margin = chosen - rejected
    smoothing = params["label_smoothing"]
    term = (1.0 - smoothing) * log(1.0 + exp(-margin)) + smoothing * log(1.0 + exp(margin))
    return term + params["center_rewards_coefficient"] * (chosen + rejected) ** 2


def preference(draw):
    count = 5
    inputs = {name: [draw.gauss(-12.0, 3.0) for _ in range(count)]
              for name in ("chosen", "rejected", "reference_chosen", "reference_rejected")}
    cases = []
    for name, params in (
        ("dpo", {"beta": 0.1, "label_smoothing": 0.0, "center_rewards_coefficient": 0.0}),
        ("dpo_smoothed", {"beta": 0.3, "label_smoothing": 0.1, "center_rewards_coefficient": 0.0}),
        ("reward_model", {"beta": 0.0, "label_smoothing": 0.0, "center_rewards_coefficient": 0.0}),
        ("reward_model_centred", {"beta": 0.0, "label_smoothing": 0.0, "center_rewards_coefficient": 0.01}),
    ):
        def rewards(rows, params=params):
            if params["beta"] == 0.0:  # the inputs are scores
                return rows
            references = (inputs["reference_chosen"], inputs["reference_rejected"])
            return [[params["beta"] * (a - b) for a, b in zip(row, reference)] for row, reference in zip(rows, references)]

        def loss(rows, _, params=params, rewards=rewards):
            return sum(preference_terms(params, c, r) for c, r in zip(*rewards(rows))) / count

        rows = [inputs["chosen"], inputs["rejected"]]
        chosen, rejected = rewards(rows)
        cases.append({"name": name, "params": params, "expected": {
            "loss": loss(rows, rows), "gradients": gradient(loss, rows),
            "accuracy": sum(c > r for c, r in zip(chosen, rejected)) / count,
            "chosen_reward": sum(chosen) / count, "rejected_reward": sum(rejected) / count}})
    return {"inputs": inputs, "cases": cases}


def main():
    folder = pathlib.Path(__file__).resolve().parent
    for seed, make in enumerate((policy_options, reinforce_plus_plus, preference)):
        text = json.dumps(make(random.Random(seed + 7)), indent=1)
        (folder / f"{make.__name__}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
