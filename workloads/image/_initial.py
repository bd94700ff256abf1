"""Random weights that keep a deep network's signal alive; torch's own lose it layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network", bound="nn.Module")


def he_initialised(network: Network) -> Network:
    """Convolutions and full connections keep the variance through ReLUs; biases begin at zero.

    Source: He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015.
    """
    from torch import nn

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
