"""Whether models of public packages run as they are: built by name, a few steps, FLOPs, or refused in words.

Each line is what a person would write after ``-a``: a class or function of a package with options that make it small,
random weights, no download. A model *runs* if it is built for the data, takes steps of SGD that change its
parameters, has FLOPs, gives the same weights for the same seed and other ones for another, and its answer to an
example depends on that example (in training mode: means of a batch are not known before) and in eval mode on no
other of the batch. All else must be refused by an error
of the harness's own, in words. The data are random, of the shapes of digits and of breast_cancer. Prints Markdown.

    pip install '.[evidence]'
    python tests/evidence/zoo.py ['vit_pytorch*' ...]    # by name; 'torchvision/*': all of its by the harness's own

Of timm's models a hundred are drawn by a fixed seed (`'timm/*'`); they take one step. Each model is in a process of its own, which may
take so much memory.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import sys
import warnings
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from harness.api import Task, import_timm
from harness.catalogue.host import Host
from harness.catalogue.own_class import is_own_class
from harness.data.model import DataSpaceModel, build_model
from harness.errors import HarnessError
from harness.measure.flops import count_flops
from harness.plan.names import choose_one

EXAMPLES = (
    16  # of so few as 4 batch norm on maps of one pixel leaves nothing, or numbers without end
)
STEPS = 4  # as some begin with factors of 0 one behind another
LIMIT_SECONDS = 240  # of CPU
LIMIT_GIB = 6  # beside what the process has at its start
SEED, DRAWN = 18, 100  # of timm's
IMAGE = Task(modality="image", problem="classification", input_shape=(1, 8, 8), outputs=10, low=0.0,
             high=1.0, mean=(0.3,), std=(0.35,))  # fmt: skip
TABLE = Task(modality="table", problem="classification", input_shape=(30,), outputs=2, low=-4.0,
             high=4.0, mean=(0.0,) * 30, std=(1.0,) * 30)  # fmt: skip

SMALL = "hidden_size=32,num_hidden_layers=2,num_attention_heads=2,intermediate_size=64"
STAGES = "hidden_sizes=[[16,32]],depths=[[1,1]]"
VIT = "patch_size=4,dim=32,depth=2,heads=2,mlp_dim=64"
FOUR = "dim=[[16,16,32,32]],depth=[[1,1,1,1]]"

IMAGES: dict[str, list[str]] = {
    "transformers": [
        f"transformers:ViTForImageClassification:{SMALL}",
        f"transformers:DeiTForImageClassification:{SMALL}",
        f"transformers:BeitForImageClassification:{SMALL}",
        "transformers:Dinov2ForImageClassification:hidden_size=32,num_hidden_layers=2,num_attention_heads=2",
        f"transformers:ViTMSNForImageClassification:{SMALL}",
        f"transformers:IJepaForImageClassification:{SMALL}",
        "transformers:SwinForImageClassification:embed_dim=16,depths=[[1,1]],num_heads=[[2,2]],window_size=2",
        "transformers:Swinv2ForImageClassification:embed_dim=16,depths=[[1,1]],num_heads=[[2,2]],window_size=2",
        "transformers:ConvNextForImageClassification:hidden_sizes=[[8,16,16,16]],depths=[[1,1,1,1]]",
        "transformers:ConvNextV2ForImageClassification:hidden_sizes=[[8,16,16,16]],depths=[[1,1,1,1]]",
        f"transformers:ResNetForImageClassification:embedding_size=16,{STAGES}",
        f"transformers:RegNetForImageClassification:embedding_size=16,groups_width=8,{STAGES}",
        "transformers:MobileNetV1ForImageClassification:depth_multiplier=0.25",
        "transformers:MobileNetV2ForImageClassification:depth_multiplier=0.25",
        "transformers:MobileViTForImageClassification",
        "transformers:LevitForImageClassification",
        "transformers:PvtForImageClassification",
        "transformers:PoolFormerForImageClassification",
        "transformers:FocalNetForImageClassification:embed_dim=16",
        "transformers:SegformerForImageClassification",
        "transformers:EfficientNetForImageClassification:width_coefficient=0.25",
        "transformers:BitForImageClassification:embedding_size=32,hidden_sizes=[[32,64]],depths=[[1,1]]",
        "transformers:CvtForImageClassification:embed_dim=[[16,16,16]],num_heads=[[1,1,1]],depth=[[1,1,1]]",
        "transformers:CLIPForImageClassification",
        "transformers:AutoModelForImageClassification",
        "transformers:BertForSequenceClassification",
    ],
    "vit_pytorch": [
        f"vit_pytorch:ViT:{VIT}",
        f"vit_pytorch:SimpleViT:{VIT}",
        f"vit_pytorch.deepvit:DeepViT:{VIT}",
        f"vit_pytorch.cait:CaiT:{VIT},cls_depth=1",
        f"vit_pytorch.vit_for_small_dataset:ViT:{VIT}",
        f"vit_pytorch.local_vit:LocalViT:{VIT}",
        f"vit_pytorch.parallel_vit:ViT:{VIT}",
        f"vit_pytorch.vit_with_patch_merger:ViT:{VIT}",
        f"vit_pytorch.rvt:RvT:{VIT}",
        f"vit_pytorch.xcit:XCiT:{VIT},cls_depth=1",
        f"vit_pytorch.ats_vit:ViT:{VIT},max_tokens_per_depth=[[4,2]]",
        "vit_pytorch.cct:CCT:embedding_dim=32,num_classes=10,num_layers=1,num_heads=2",
        "vit_pytorch.pit:PiT:patch_size=4,dim=32,depth=[[1,1]],heads=2,mlp_dim=64",
        "vit_pytorch.levit:LeViT:dim=32,depth=1,heads=2,mlp_mult=2",
        "vit_pytorch.cvt:CvT:s3_depth=1",
        f"vit_pytorch.crossformer:CrossFormer:{FOUR}",
        f"vit_pytorch.regionvit:RegionViT:{FOUR}",
        "vit_pytorch.nest:NesT:patch_size=2,dim=32,heads=2,num_hierarchies=2,block_repeats=[[1,1]]",
        "vit_pytorch.max_vit:MaxViT:dim=16,depth=[[1,1]],dim_head=8,window_size=2",
        "vit_pytorch.simple_vit_with_register_tokens:SimpleViT:" + VIT,
        "vit_pytorch.na_vit:NaViT:" + VIT,
    ],
    "pytorchcv": [
        "pytorchcv.models.resnet_cifar:resnet20_cifar10",
        "pytorchcv.models.preresnet_cifar:preresnet20_cifar10:in_channels=1",
        "pytorchcv.models.seresnet_cifar:seresnet20_cifar10",
        "pytorchcv.models.densenet_cifar:densenet40_k12_cifar10",
        "pytorchcv.models.mobilenet:mobilenet_wd4:num_classes=10",
        "pytorchcv.models.shufflenetv2:shufflenetv2_wd2:num_classes=10",
        "pytorchcv.models.squeezenet:squeezenet_v1_1:num_classes=10",
    ],
    "efficientnet_pytorch": [
        "efficientnet_pytorch:EfficientNet.from_name:model_name=efficientnet-b0,num_classes=10",
    ],
    "monai": [
        "monai.networks.nets:DenseNet121:spatial_dims=2",
        "monai.networks.nets:EfficientNetBN:model_name=efficientnet-b0",
        "monai.networks.nets:resnet10:spatial_dims=2,n_input_channels=1,num_classes=10",
        ("monai.networks.nets:ViT:patch_size=4,hidden_size=32,mlp_dim=64,num_layers=2,num_heads=2,"
        "classification=true,spatial_dims=2"),
        "monai.networks.nets:Classifier:in_shape=[[1,8,8]],classes=10,channels=[[4,8]],strides=[[2,2]]",
        "monai.networks.nets:UNet:spatial_dims=2,channels=[[4,8]],strides=[[2]]",
    ],
    "mlp_mixer_pytorch": ["mlp_mixer_pytorch:MLPMixer:patch_size=4,dim=32,depth=2"],
    "g_mlp_pytorch": ["g_mlp_pytorch:gMLPVision:patch_size=4,dim=32,depth=2"],
    "segmentation_models_pytorch": ["segmentation_models_pytorch:Unet:encoder_weights=None"],
    "torch": ["torch.nn:LSTM:hidden_size=10,takes=sequence", "torch.nn:LazyLinear:takes=table"],
    "torchvision": [
        "torchvision.models:resnet18:num_classes=10",
        ("torchvision.models.vision_transformer:VisionTransformer:patch_size=4,num_layers=2,num_heads=2,"
        "hidden_dim=32,mlp_dim=64"),
        "torchvision.models:googlenet:num_classes=10,init_weights=false",
    ],
}  # fmt: skip
TABLES: dict[str, list[str]] = {
    "rtdl_revisiting_models": [
        "rtdl_revisiting_models:MLP:n_blocks=2,d_block=16,dropout=0.1",
        "rtdl_revisiting_models:ResNet:n_blocks=2,d_block=16,d_hidden_multiplier=2.0,dropout1=0.1,dropout2=0.0",
        ("rtdl_revisiting_models:FTTransformer:cat_cardinalities=[[]],d_out=2,n_blocks=1,d_block=16,attention_n_heads=2,"
        "attention_dropout=0.1,ffn_d_hidden_multiplier=2,ffn_dropout=0.1,residual_dropout=0.0"),
    ],
    "pytorch_tabnet": ["pytorch_tabnet.tab_network:TabNet"],
    "tab_transformer_pytorch": [
        "tab_transformer_pytorch:FTTransformer:categories=[[]],num_continuous=30,dim=16,depth=1,heads=2,dim_out=2",
    ],
    "torch": ["torch.nn:Linear", "torch.nn:LazyLinear", "torch.nn:Bilinear"],
}  # fmt: skip


def check(name: str, task: Task, host: Host, steps: int = STEPS) -> str:
    """Return how a model runs, in words that begin with "runs" or with "WRONG"."""
    chosen = choose_one(host.catalogue, "architecture", name)
    model = _build(chosen, task, 0)
    if is_own_class(chosen.item):  # those of our own families are held by tests
        state, same, other = (
            one.state_dict() for one in (model, _build(chosen, task, 0), _build(chosen, task, 1))
        )
        if not all(torch.equal(state[key], same[key]) for key in state):
            return "WRONG: another network from the same seed"
        if all(torch.equal(state[key], other[key]) for key in state):
            return "WRONG: the same network from another seed"
    torch.manual_seed(0)
    inputs = task.low + (task.high - task.low) * torch.rand(EXAMPLES, *task.input_shape)
    targets = torch.arange(EXAMPLES) % task.outputs
    flops = count_flops(model.eval(), task.input_shape)
    with torch.no_grad():
        together, alone = model(inputs), model(inputs[:1])
    if together.shape != (EXAMPLES, task.outputs):
        return f"WRONG: the shape {tuple(together.shape)}"
    if not torch.allclose(together[:1], alone, rtol=1e-3, atol=1e-4):
        return "WRONG: an answer depends on the rest of the batch"
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.train().parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
    moved = sum(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    if not moved or not bool(torch.isfinite(loss)):
        return "WRONG: the steps change nothing"
    parameters = sum(p.numel() for p in model.parameters())
    sizes = [words for words in model.adaptations() if words.startswith(("Resize", "MatchCh"))]
    ran = f"runs | {parameters:,} | {flops.flops:,} | {'; '.join(sizes)}"
    if steps < STEPS:
        return ran
    inputs.requires_grad_(True)
    weights = torch.arange(
        1.0, 1 + task.outputs
    )  # of all, as a ReLU behind the last layer holds some at 0
    answer = (weights * model(inputs)[0]).sum()
    (gradient,) = torch.autograd.grad(answer, inputs, allow_unused=True)
    if gradient is None or not gradient[0].any():
        return "WRONG: no answer depends on the input"
    return ran


def tried(name: str, task: Task, host: Host, steps: int = STEPS) -> str:
    """Return what `check` says, or how it ended otherwise, in words that begin with "refused", "too large" or "CRASHED"."""
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_SECONDS)
    held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    limit = held + LIMIT_GIB * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        return check(name, task, host, steps)
    except HarnessError as error:
        return f"refused | | | {' '.join(str(error).split())}"
    except TimeoutError as error:
        return f"too slow | | | {error}"
    except Exception as error:
        words = " ".join(str(error).split())
        if isinstance(error, MemoryError) or "allocate memory" in words:
            return f"too large | | | a step takes more than {LIMIT_GIB} GiB"
        return f"CRASHED: {type(error).__name__}: {words[:300]}"


def _apart(name: str, task: Task, host: Host, steps: int) -> str:
    """Return what `tried` says in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(tried(name, task, host, steps)))
    process.start()
    theirs.close()
    try:
        return str(ours.recv())
    except EOFError:
        process.join()
        return f"CRASHED: its process ended with {process.exitcode}"
    finally:
        process.join()


def _build(chosen: Any, task: Task, seed: int) -> DataSpaceModel:
    torch.manual_seed(seed)
    return build_model(chosen, task)


def _stop(*_: Any) -> None:
    raise TimeoutError(f"more than {LIMIT_SECONDS} s of CPU")


def main(patterns: list[str]) -> None:
    """Check the models whose names match, or all."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    host = Host()
    import_timm()  # once for all processes
    by_name = [f"torchvision/{member}" for member in _torchvision(host)]
    work = [(name, IMAGE) for names in IMAGES.values() for name in names]
    work += [(name, TABLE) for names in TABLES.values() for name in names]
    work += [(name, IMAGE) for name in [*by_name, *drawn(host)]]
    counts: Counter[str] = Counter()
    print("| name | how | parameters | FLOPs | to fit the data |\n| --- | --- | --- | --- | --- |")
    for name, task in work:
        if patterns and not any(fnmatch(name, pattern) for pattern in patterns):
            continue
        started = _of_children()
        found = _apart(name, task, host, 1 if name.startswith("timm/") else STEPS)
        counts[found.partition(" |")[0].partition(":")[0]] += 1
        print(f"| `{name}` | {found} |", flush=True)
        print(f"{_of_children() - started:.0f} s {name}", file=sys.stderr, flush=True)
    print(f"\n{sum(counts.values())} models: {dict(counts)}")


def _of_children() -> float:
    """Return the CPU seconds that ended processes of this one took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def drawn(host: Host, count: int = DRAWN) -> list[str]:
    """Return so many of timm's models, always the same."""
    names = sorted(host.catalogue.match("architecture", "timm/*"))
    return random.Random(SEED).sample(names, count)


def _torchvision(host: Host) -> list[str]:
    found = host.catalogue.match("architecture", "torchvision/*")
    return [name.partition("/")[2] for name in found]


if __name__ == "__main__":
    main(sys.argv[1:])
