"""Where a model of the user's own is a built-in one in disguise: nothing is mapped in silence."""

from __future__ import annotations

from torch import nn

__all__ = ["lookalike"]

_PLAIN = (nn.ReLU, nn.Flatten, nn.Identity)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


def lookalike(module: nn.Module) -> str | None:
    """Name the built-in model that has the same layers, and is several times faster on a CPU.

    Only layers are looked at, not how ``forward`` joins them: it is a hint.

    Args:
        module: The user's module.

    Returns:
        The name with its options, as a question file would have them; None where there is none.

    Example:
        >>> lookalike(nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 3)))
        'two_layer_mlp {hidden_dim: 9}'
    """
    leaves = [each for each in module.modules() if not list(each.children())]
    linears = [leaf for leaf in leaves if isinstance(leaf, nn.Linear)]
    convs = [leaf for leaf in leaves if isinstance(leaf, nn.Conv2d)]
    layers = (*_PLAIN, *_POOLS, nn.Linear, nn.Conv2d) if convs else (*_PLAIN, nn.Linear)
    plain = all(type(leaf) in layers for leaf in leaves)
    held = sum(len(list(leaf.parameters(recurse=False))) for leaf in (*linears, *convs))
    everything = [*module.parameters(), *module.buffers()]
    if not plain or held != len(everything) or not all(p.requires_grad for p in everything):
        return None
    if convs:
        return _cnn(convs, linears, [leaf for leaf in leaves if isinstance(leaf, _POOLS)])
    return _mlp([layer.out_features for layer in linears[:-1]])


def _mlp(widths: list[int]) -> str | None:
    if len(widths) == 1:
        return f"two_layer_mlp {{hidden_dim: {widths[0]}}}"
    if len(widths) == 2:
        return f"three_layer_mlp {{hidden_dim_1: {widths[0]}, hidden_dim_2: {widths[1]}}}"
    if widths and len(set(widths)) == 1:
        return f"mlp {{depth: {len(widths)}, width: {widths[0]}}}"
    return None


def _cnn(convs: list[nn.Conv2d], linears: list[nn.Linear], pools: list[nn.Module]) -> str | None:
    """Name a CNN that pools at most once, takes the mean of each channel and one linear layer."""
    width, size = convs[0].out_channels, convs[0].kernel_size[0]
    alike = all(
        (conv.out_channels, conv.kernel_size, conv.padding) == (width, (size, size), same)
        and (conv.stride, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
        for same in [((size - 1) // 2,) * 2]
        for conv in convs
    )
    ends = [pool for pool in pools if isinstance(pool, nn.AdaptiveAvgPool2d)]
    halves = [pool for pool in pools if not isinstance(pool, nn.AdaptiveAvgPool2d)]
    one_head = len(linears) == 1 and linears[0].in_features == width
    if not (alike and one_head and len(ends) == 1 and len(halves) <= 1):
        return None
    if any(pool.kernel_size not in (2, (2, 2)) for pool in halves):
        return None
    kinds = ["max" if isinstance(pool, nn.MaxPool2d) else "average" for pool in halves]
    pooling = kinds[0] if kinds else "none"
    return f"cnn {{depth: {len(convs)}, width: {width}, kernel_size: {size}, pooling: {pooling}}}"
