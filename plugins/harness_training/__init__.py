"""Built-in parts of a recipe: optimizers, schedules, augmentations, objectives and techniques; and measures of training."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import (
    Augmentation,
    Measure,
    Objective,
    Optimizer,
    Schedule,
    Technique,
    hookimpl,
)
from harness_training import options, shown
from harness_training.measures import options as measured
from harness_training.measures import shown as said

REAL_VALUED = ("real-valued",)  # modalities between whose values there are others


@hookimpl
def harness_register_optimizers() -> Iterator[Optimizer]:
    """Yield `sgd`, `adamw` and the optimizers of timm and of torch."""
    yield Optimizer(
        name="sgd",
        build="harness_training.sgd:build",
        options=options.SgdOptions,
        summary="stochastic gradient descent with momentum",
        source="Robbins & Monro 1951; Sutskever et al. 2013",
        distributions=("torch",),
    )
    yield Optimizer(
        name="adamw",
        default=True,
        build="harness_training.adamw:build",
        options=options.AdamwOptions,
        summary="Adam with decoupled weight decay",
        source="Loshchilov & Hutter 2019",
        distributions=("torch",),
    )
    yield Optimizer(
        name="timm-optim/",
        build="harness_training.timm_optim:build",
        members="harness_training.timm_optim:list_members",
        options=options.TimmOptimOptions,
        distributions=("timm", "torch", "torchvision"),
        summary="the optimizers of timm",
        source="Wightman 2019, PyTorch Image Models",
    )
    yield Optimizer(
        name="torch-optim/",
        build="harness_training.torch_optim:build",
        members="harness_training.torch_optim:list_members",
        options=options.TorchOptimOptions,
        distributions=("torch",),
        summary="the optimizers of torch",
        source="torch.optim",
    )


@hookimpl
def harness_register_schedules() -> Iterator[Schedule]:
    """Yield the schedules."""
    yield Schedule(
        name="constant",
        build="harness_training.constant:build",
        options=options.ConstantOptions,
        summary="the same learning rate throughout",
    )
    yield Schedule(
        name="cosine",
        build="harness_training.cosine:build",
        options=options.CosineOptions,
        summary="linear warm-up, then half a cosine down",
        source="Loshchilov & Hutter 2017",
    )
    yield Schedule(
        name="one-cycle",
        default=True,
        build="harness_training.one_cycle:build",
        options=options.OneCycleOptions,
        summary="half a cosine up, half a cosine down to almost nothing",
        source="Smith & Topin 2018",
    )
    yield Schedule(
        name="step",
        build="harness_training.step:build",
        options=options.StepOptions,
        summary="a factor at each of several milestones",
    )
    yield Schedule(
        name="wsd",
        build="harness_training.wsd:build",
        options=options.WsdOptions,
        summary="warm-up, stable, decay: constant until the last steps come down",
        source="Hu et al. 2024; Haegele et al. 2024",
    )
    yield Schedule(
        name="plateau",
        build="harness_training.plateau:build",
        options=options.PlateauOptions,
        summary="a factor whenever the validation loss no longer falls",
    )


@hookimpl
def harness_register_techniques() -> Iterator[Technique]:
    """Yield the techniques."""
    yield Technique(
        name="ema",
        build="harness_training.ema:Ema",
        options=options.EmaOptions,
        summary="evaluate and keep a moving average of the weights",
        source="Polyak & Juditsky 1992",
    )
    yield Technique(
        name="swa",
        build="harness_training.swa:Swa",
        options=options.SwaOptions,
        summary="evaluate and keep the mean of the weights of the last epochs",
        source="Izmailov et al. 2018",
    )
    yield Technique(
        name="clip",
        build="harness_training.clip:Clip",
        options=options.ClipOptions,
        summary="bound the gradient of a step, by norm or by value",
        source="Pascanu, Mikolov & Bengio 2013",
    )
    yield Technique(
        name="sam",
        build="harness_training.sam:Sam",
        options=options.SamOptions,
        summary="step along the gradient at the worst weights nearby, at the price of a second pass",
        source="Foret et al. 2021; Kwon et al. 2021",
    )
    yield Technique(
        name="lora",
        build="harness_training.lora:Lora",
        options=options.LoraOptions,
        summary="train low-rank changes of the weights, and the head whole",
        source="Hu et al. 2022",
        of_trained=True,
    )
    yield Technique(
        name="layer-decay",
        build="harness_training.layer_decay:LayerDecay",
        options=options.LayerDecayOptions,
        summary="lower learning rates for layers nearer to the inputs",
        source="Clark et al. 2020; Bao, Dong & Wei 2022",
    )
    yield Technique(
        name="checkpointing",
        build="harness_training.checkpointing:Checkpointing",
        summary="less memory: compute activations inside blocks again for the gradient",
        source="Chen et al. 2016",
    )


@hookimpl
def harness_register_augmentations() -> Iterator[Augmentation]:
    """Yield the augmentations."""
    yield Augmentation(
        name="flip",
        build="harness_training.flip:build",
        moves="harness_training.flip:moves",
        takes=("image",),
        options=options.FlipOptions,
        summary="mirror images left to right",
    )
    yield Augmentation(
        name="crop",
        build="harness_training.crop:build",
        moves="harness_training.crop:moves",
        takes=("image",),
        options=options.CropOptions,
        summary="move images by a few pixels: pad, then crop at random",
        source="He, Zhang, Ren & Sun 2016, section 4.2",
    )
    yield Augmentation(
        name="noise",
        build="harness_training.noise:build",
        options=options.NoiseOptions,
        takes=("image", "sequence", "table"),
        keeps_places=True,
        summary="add Gaussian noise",
        source="Bishop 1995",
    )
    yield Augmentation(
        name="randaugment",
        build="harness_training.randaugment:build",
        options=options.RandaugmentOptions,
        takes=("image",),
        summary="some of fourteen changes at random, all of one magnitude",
        source="Cubuk et al. 2020",
        distributions=("torchvision",),
    )
    yield Augmentation(
        name="random-erasing",
        build="harness_training.random_erasing:build",
        options=options.RandomErasingOptions,
        takes=("image",),
        keeps_places=True,
        summary="replace a rectangle by noise",
        source="Zhong et al. 2020",
    )
    yield Augmentation(
        name="colour-jitter",
        build="harness_training.colour_jitter:build",
        options=options.ColourJitterOptions,
        takes=("image",),
        keeps_places=True,
        summary="change brightness, contrast and saturation",
        source="Howard 2013",
    )


@hookimpl
def harness_register_objectives() -> Iterator[Objective]:
    """Yield the objectives."""
    yield Objective(
        name="cross-entropy",
        takes=("*",),
        build="harness_training.cross_entropy:build",
        default=True,
        options=options.CrossEntropyOptions,
        summary="cross-entropy with label smoothing",
        source="Szegedy et al. 2016",
    )
    yield Objective(
        name="squared-error",
        takes=("*",),
        build="harness_training.squared_error:build",
        default=True,
        problems=("regression",),
        summary="mean squared error over the variance of the targets",
    )
    yield Objective(
        name="problem-loss",
        takes=("*",),
        build="harness_training.problem_loss:build",
        default=True,
        problems=("*",),
        summary="the loss by which the problem judges training; where no other objective is the default",
    )
    yield Objective(
        name="mixup",
        takes=REAL_VALUED,
        build="harness_training.mixup:build",
        joins=True,
        options=options.MixupOptions,
        summary="train on blends of two examples",
        source="Zhang, Cisse, Dauphin & Lopez-Paz 2018",
        distributions=("scipy",),
    )
    yield Objective(
        name="cutmix",
        takes=("image",),
        build="harness_training.cutmix:build",
        joins=True,
        options=options.CutmixOptions,
        summary="train on images that hold a rectangle of another one",
        source="Yun et al. 2019",
        distributions=("scipy",),
    )
    yield Objective(
        name="distillation",
        takes=("*",),
        build="harness_training.distillation:build",
        taught=True,
        options=options.DistillationOptions,
        summary="learn the answers of a teacher, another trial of the suite",
        source="Hinton, Vinyals & Dean 2015",
    )
    yield Objective(
        name="pgd-at",
        build="harness_training.pgd_at:build",
        options=options.PgdAtOptions,
        holds="the examples that its search has found",
        takes=("image",),  # whose ball is in the data's units
        summary="adversarial training by projected gradient descent",
        source="Madry et al. 2018",
    )
    yield Objective(
        name="trades",
        build="harness_training.trades:build",
        options=options.TradesOptions,
        holds="the examples that its search has found",
        takes=("image",),  # whose ball is in the data's units
        summary="cross-entropy, and predictions that change little inside a ball",
        source="Zhang et al. 2019",
    )
    yield Objective(
        name="fast-at",
        build="harness_training.fast_at:build",
        options=options.FastAtOptions,
        holds="the examples that its search has found",
        takes=("image",),  # whose ball is in the data's units
        summary="adversarial training by one step from a random start, with GradAlign if asked",
        source="Wong, Rice & Kolter 2020; Andriushchenko & Flammarion 2020",
    )


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield what is measured of training itself."""
    yield Measure(
        name="gradient_flow",
        takes=("*",),
        problems=("*",),
        summary="norms of gradients and activations by layer, before training and while it goes on",
        source="Glorot & Bengio 2010, section 4.2",
        options=options.GradientFlowOptions,
        run="harness_training.gradient_flow:run",
        trains_again=True,
        axes=shown.FLOW_AXES,
        shows=shown.FLOW,
        charts=shown.FLOW_CHARTS,
        checked_with={"epochs": 1, "batches": 2},
    )
    yield Measure(
        name="time_to_target",
        takes=("*",),
        problems=("*",),
        summary="examples and seconds of training until validation reaches a target, and the curves to it",
        source="Dahl et al. 2023, arXiv:2306.07179 (AlgoPerf)",
        options=measured.TimeToTargetOptions,
        run="harness_training.measures.time_to_target:run",
        shares_process=True,
        axes=said.TARGET_AXES,
        shows=said.TARGET,
        charts=said.TARGET_CHARTS,
    )
    yield Measure(
        name="cost",
        takes=("*",),
        problems=("*",),
        summary="what training took: CPU time, memory, energy where told, money at a price of yours",
        options=measured.CostOptions,
        run="harness_training.measures.cost:run",
        shares_process=True,
        axes=said.COST_AXES,
        shows=said.COST,
        charts=said.COST_CHARTS,
    )
    yield Measure(
        name="generalisation_gap",
        takes=("*",),
        problems=("*",),
        summary="how much better a model does on training than on test examples, in accuracy and loss",
        source="Newcombe 1998, Statistics in Medicine 17:873 (interval)",
        options=measured.GapOptions,
        run="harness_training.measures.generalisation_gap:run",
        shares_process=True,
        shows=said.GAP,
    )
    yield Measure(
        name="seed_churn",
        takes=("*",),
        summary="how many answers change where nothing does but the seed",
        source="Milani Fard et al. 2016, Launch and iterate: Reducing prediction churn",
        run="harness_training.measures.seed_churn:run",
        over=("seed",),
        shows=said.CHURN,
    )
    yield Measure(
        name="sharpness",
        takes=("*",),
        problems=("*",),
        summary="the largest eigenvalue of the training loss' Hessian, and its rise near the weights",
        source="Foret et al. 2021, arXiv:2010.01412; Yao et al. 2020, arXiv:1912.07145",
        options=measured.SharpnessOptions,
        run="harness_training.measures.sharpness:run",
        shares_process=True,
        axes=said.SHARPNESS_AXES,
        shows=said.SHARPNESS,
        checked_with={"examples": 20, "steps": 5},
    )
    yield Measure(
        name="representation_similarity",
        takes=("*",),
        problems=("*",),
        summary="how alike models represent the test examples: linear CKA of what their last layers are given",
        source="Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, JMLR 13:1393 (unbiased HSIC)",
        options=measured.SimilarityOptions,
        run="harness_training.measures.representation_similarity:run",
        over=("architecture", "recipe"),
        axes=said.SIMILARITY_AXES,
        shows=said.SIMILARITY,
        charts=said.SIMILARITY_CHARTS,
    )
