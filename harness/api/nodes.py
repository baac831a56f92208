"""What engines build on whose jobs run on other machines: nodes, what travels to them, what is free on them."""

from harness.execute.installed import Installed
from harness.execute.job import outcome_from_text, outcome_to_text
from harness.execute.machine_places import MachinePlace, MachinePlaces
from harness.execute.node import ENDED, KEPT_MORE, PRINTED, STARTED, WAITS, News, Node
from harness.execute.node_process import NodeSetting, become_plain
from harness.execute.travel import Parcel, pack, relocate, unpack
from harness.store.records import KEPT

__all__ = [
    "ENDED",
    "KEPT",
    "KEPT_MORE",
    "PRINTED",
    "STARTED",
    "WAITS",
    "Installed",
    "MachinePlace",
    "MachinePlaces",
    "News",
    "Node",
    "NodeSetting",
    "Parcel",
    "become_plain",
    "outcome_from_text",
    "outcome_to_text",
    "pack",
    "relocate",
    "unpack",
]
