"""Configurations that classes ask for: found, and built from their defaults."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from harness.data.own_config import OwnConfig, find_config
from harness.data.own_parameters import parameters_of
from harness.errors import PluginError, UsageError


@dataclass(frozen=True)
class Frozen:
    width: int = 4
    dims: tuple[int, ...] = (1, 2)


class Plain:
    depth = 2

    def __init__(self):
        self.width = 4


class Like:
    """As transformers has them: any keyword, a property, another name for an attribute."""

    attribute_map: ClassVar = {"hidden_size": "d_model"}

    def __init__(self, d_model=8, **more):
        self.d_model, self.labels = d_model, 2
        for key, value in more.items():
            setattr(self, key, value)

    def __getattr__(self, name):
        if name in type(self).attribute_map:
            return getattr(self, type(self).attribute_map[name])
        raise AttributeError(name)

    def __setattr__(self, name, value):
        super().__setattr__(type(self).attribute_map.get(name, name), value)

    @property
    def num_labels(self):
        return self.labels

    @num_labels.setter
    def num_labels(self, count):
        self.labels = count


class Asks:
    def __init__(self, needed, width=3):
        if needed < 0:
            raise ValueError("needed is below 0")
        self.values = (needed, width)


def of(annotation, config_class=None) -> OwnConfig | None:
    class Net:
        def __init__(self, config: annotation): ...

    if config_class is not None:
        Net.config_class = config_class
    return find_config(Net, parameters_of(Net)[0])


def test_a_configuration_is_its_class_with_values_in_place_of_defaults():
    assert of(Frozen).build({"width": 9, "dims": [3]}) == Frozen(9, (3,))
    plain = of(Plain).build({"width": 9, "depth": 5})
    assert (plain.width, plain.depth, Plain.depth) == (9, 5, 2)
    like = of(Frozen, Like).build({"hidden_size": 32, "num_labels": 10})
    assert (like.d_model, like.labels) == (32, 10)
    assert of(Asks).build({"needed": 2}).values == (2, 3)


def test_what_it_does_not_have_is_refused():
    with pytest.raises(UsageError, match="Frozen has no option 'widht'; did you mean 'width'"):
        of(Frozen).build({"widht": 1})
    with pytest.raises(UsageError, match="Like has no option 'num_lables'; did you mean 'num_lab"):
        of(Like).build({"num_lables": 1})
    with pytest.raises(PluginError, match="Asks cannot be built with : TypeError: .*needed"):
        of(Asks).build({})
    with pytest.raises(PluginError, match="with needed: ValueError: needed is below 0"):
        of(Asks).build({"needed": -1})


def test_what_names_no_class_of_its_own_is_no_configuration():
    assert of(dict) is None
    assert of("no_such_class") is None
    assert find_config(Plain, parameters_of(Plain)[0]) is None

    def optional(config: Frozen | None = None): ...

    assert find_config(optional, parameters_of(optional)[0]) is None
