"""What the tests of a plugin use: the contracts that `harness plugin check` runs."""

from harness.contracts import ContractResult, check_plugin

__all__ = ["ContractResult", "check_plugin"]
