"""Which module an operator belongs to, in the forward and in the backward pass.

In the forward pass it is the innermost module that is being called. In the backward pass it is the
module in whose call the node of autograd's graph was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NOBODY = "outside of modules"


class Owners:
    """Follows the calls of `model` and its modules by hooks, which stay: give it a copy.

    current: the type name of the module to which the operator that runs now belongs.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        """Hook every module of `model` but scripted ones, whose work is their owner's."""
        import torch

        self._calls: list[str] = []
        self._backward = NOBODY
        # Kept alive: autograd hands out the same Python object for a node only while one exists.
        self._nodes: dict[Any, str] = {}
        self._edges: list[set[Any]] = []
        for module in model.modules():
            if isinstance(module, torch.jit.ScriptModule):  # takes no hooks
                continue
            module.register_forward_pre_hook(self._enter, with_kwargs=True)
            module.register_forward_hook(self._leave, with_kwargs=True)

    @property
    def current(self) -> str:
        """The owner's type name, such as "Linear"; NOBODY's where no module is at work."""
        return self._calls[-1] if self._calls else self._backward

    def _enter(self, module: Any, args: Any, kwargs: Any) -> None:
        self._calls.append(type(module).__name__)
        self._edges.append(_graph_nodes((args, kwargs)))

    def _leave(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        name, edge = self._calls.pop(), self._edges.pop()
        waiting, seen = list(_graph_nodes(output)), set(edge)  # the edge: made before the call
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if node not in self._nodes:  # else it belongs to a module inside
                self._nodes[node] = name
                node.register_prehook(self._at(name))
            waiting += [following for following, _ in node.next_functions if following is not None]

    def _at(self, name: str) -> Any:
        def note(_: Any) -> None:
            self._backward = name

        return note


def _graph_nodes(values: Any) -> set[Any]:
    """Return the nodes that made the tensors in a nest of tuples, lists and dicts."""
    import torch
    from torch.utils._pytree import tree_leaves

    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]
    return {tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None}
