"""What classes of models call the sizes of their data: names that the harness gives a value to, by meaning.

The same name may mean a width inside the network (`channels=64`), so those in `AMBIGUOUS` are given a value
only where no other name of that meaning is there, and the class has no default of its own or a usual one.
"""

from __future__ import annotations

SIZE_NAMES: dict[str, tuple[str, ...]] = {
    "channels": (
        "in_channels", "in_chans", "n_input_channels", "num_input_channels", "input_channels",
        "channels", "num_channels", "n_channels",
    ),
    "size": ("image_size", "img_size", "input_size", "in_size"),
    "features": (
        "in_features", "d_in", "in_dim", "input_dim", "dim_in", "n_features", "input_size",
        "n_cont_features", "num_features",
    ),
    "steps": (
        "seq_len", "seq_length", "sequence_length", "context_length", "max_seq_len", "max_length",
        "block_size", "n_ctx", "n_positions", "max_position_embeddings",
    ),
    "vocabulary": (
        "vocab_size", "vocabulary_size", "n_vocab", "num_tokens", "n_tokens", "ntoken", "ntokens",
        "num_embeddings",
    ),
    "outputs": (
        "num_classes", "n_classes", "num_labels", "n_labels", "nb_classes", "d_out",
        "out_channels", "out_features", "out_dim", "output_dim", "dim_out", "n_outputs",
        "num_outputs",
    ),
}  # fmt: skip
"""{meaning: names}; "size" is of images, "features" of a step of a sequence or of a flat row, "vocabulary" of tokens."""

AMBIGUOUS = frozenset(
    {
        "channels", "num_channels", "n_channels", "num_features", "dim_in",
        "out_channels", "out_features", "out_dim", "output_dim", "dim_out",
    }
)  # fmt: skip
USUAL_DEFAULTS = {"channels": (1, 3), "outputs": (1, 2, 10, 100, 1000)}
"""What an ambiguous name has as its default where it means the data."""

ALL_SIZE_NAMES = frozenset(name for names in SIZE_NAMES.values() for name in names)
CONFIG_NAMES = ("config", "cfg")
"""What a class calls the object that holds all its options."""
