"""Options of `deployment`: which pipelines there are."""

import pytest
from pydantic import ValidationError

from harness_deployment.options import MISTAKES, DeploymentOptions


def test_what_is_slow_is_run_where_it_is_named():
    default = DeploymentOptions().pipelines
    assert set(MISTAKES) < set(default) and not {"fp16", "compile", "onnxruntime"} & set(default)
    assert DeploymentOptions(pipelines=("compile",)).pipelines == ("compile",)


@pytest.mark.parametrize(
    "wrong", [{"pipelines": ("int4",)}, {"pipelines": ()}, {"jpeg_quality": 0}, {"seconds": 0}]
)
def test_what_is_no_pipeline_is_refused(wrong):
    with pytest.raises(ValidationError):
        DeploymentOptions(**wrong)
