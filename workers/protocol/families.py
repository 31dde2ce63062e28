"""The families of models: what readers are told of them, and where their weights are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "mixed", "bfloat16"]
"""In which numbers a model computes; what each means is said where it is heard (`workers.engine.sam21.StockSam2`)."""

METHODS = ("full", "decoder", "lora")
"""What may learn: all weights; only those that answer prompts; or an adapter beside weights that stay as they are."""
ADAPTERS_FIRST = ("lora", "decoder", "full")


@dataclass(frozen=True)
class Family:
    """Models that one loader understands.

    Attributes
    ----------
    name : str
        As in `ModelRef.family`.
    title : str
        For readers.
    licence : str
        Of the weights.
    preprocess_id : str
        How frames become the model's input.
    image_size : int
        Side of the model's square input in pixels.
    prompts : tuple of str
        What it answers: ``point``, ``box``, ``mask``; ``text`` where a tokenizer came with the weights.
    repository : str
        Where the weights are published on the Hugging Face hub; empty for what is shipped.
    files : tuple of str
        Names of the weights there, the usual choice first.
    is_gated : bool
        Whether the repository asks for an account and an agreement.
    advice : str
        A sentence for whoever chooses; may be empty.
    methods : tuple of str
        Of `METHODS`, those by which it can be trained, the usual choice first. Large weights that have seen much are
        best left as they are, and their adapters take megabytes where they take gigabytes.
    """

    name: str
    title: str
    licence: str
    preprocess_id: str
    image_size: int
    prompts: tuple[str, ...] = ("point", "box", "mask")
    repository: str = ""
    files: tuple[str, ...] = ()
    is_gated: bool = False
    advice: str = ""
    methods: tuple[str, ...] = ADAPTERS_FIRST

    @property
    def is_pretrained(self) -> bool:
        """Whether others trained and published the weights."""
        return bool(self.repository)


def _sam21(size: str, title: str, advice: str) -> Family:
    file = f"sam2.1_hiera_{size.replace('-', '_')}.pt"
    return Family(
        f"sam2.1-{size}",
        f"SAM 2.1 {title}",
        "Apache-2.0",
        "sam2-imagenet-v1",
        1024,
        repository=f"facebook/sam2.1-hiera-{size}",
        files=(file,),
        advice=advice,
    )


_ALL = (
    Family(
        "bundled",
        "CineLoop small",
        "Apache-2.0",
        "gray-square-v2",
        256,
        files=("bundled.safetensors",),
        advice="Shipped with CineLoop; answers at once on a CPU.",
        methods=METHODS,
    ),
    _sam21("tiny", "tiny", "Seconds a frame on a CPU; a GPU is recommended for propagation."),
    _sam21("small", "small", "A GPU is recommended."),
    _sam21("base-plus", "base+", "A GPU is recommended."),
    _sam21("large", "large", "A GPU is recommended."),
    Family(
        "medsam2",
        "MedSAM2",
        "CC BY-SA 4.0",
        "medsam2-512-v1",
        512,
        repository="wanglab/MedSAM2",
        files=(
            "MedSAM2_latest.pt",
            "MedSAM2_2411.pt",
            "MedSAM2_US_Heart.pt",
            "MedSAM2_MRI_LiverLesion.pt",
            "MedSAM2_CTLesion.pt",
        ),
        advice="Made for CT, MR and ultrasound, best prompted by a box; it has not seen angiograms.",
    ),
    Family(
        "sam3",
        "SAM 3",
        "SAM License",
        "sam3-1008-v1",
        1008,
        prompts=("point", "box", "mask", "text"),
        repository="facebook/sam3",
        files=("model.safetensors",),
        is_gated=True,
        advice="A GPU is recommended: on a CPU one frame takes most of a minute.",
    ),
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in _ALL}
"""All families by name, in the order in which they are shown."""
