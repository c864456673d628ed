"""An LSTM in loops."""

import numpy as np


def lstm(x, kernel, bias):
    """Runs an LSTM step by step, in float64.

    Args:
        x: Vectors, `[L, E]`.
        kernel: Kernel of inputs, then states, `[E + H, 4 * H]`; gates input,
            cell, forget, output.
        bias: Bias of the gates, `[4 * H]`; the forget gate gets 1 more.

    Returns:
        States, `[L, H]`.
    """
    size = len(bias) // 4
    state, cell, states = np.zeros(size), np.zeros(size), []
    for vector in x:
        gates = np.concatenate([vector, state]) @ kernel + bias
        let_in, new, forget, out = np.split(gates, 4)
        cell = _sigmoid(forget + 1) * cell + _sigmoid(let_in) * np.tanh(new)
        state = _sigmoid(out) * np.tanh(cell)
        states.append(state)
    return np.array(states)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
