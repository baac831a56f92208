"""The options of the engine."""

from __future__ import annotations

from pydantic import Field

from harness.api import Options


class SlurmOptions(Options):
    """What is asked of Slurm. What else sbatch knows can be given by its variables, such as SBATCH_RESERVATION."""

    partition: str = Field(default="", description="by default Slurm's own")
    account: str = Field(default="", description="that the time is counted on")
    qos: str = Field(default="", description="quality of service")
    constraint: str = Field(default="", description="features that nodes must have, such as h100")
    gpus: int = Field(
        default=0, ge=0, description="GPUs that a task on CUDA asks for; 0: the run has none"
    )
    memory_gib: float | None = Field(
        default=None, gt=0, description="memory that a task asks for; by default as the partition"
    )
    time: int | None = Field(
        default=None,
        ge=1,
        description="most minutes of a Slurm task; by default as jobs are likely to take, up to the suite's time_limit",
    )
    tasks: int = Field(
        default=100,
        ge=1,
        description="most Slurm tasks of the run at once; each does job after job",
    )
    jobs: int = Field(
        default=500, ge=1, description="most jobs of the run that wait for tasks, or that these do"
    )
    retries: int = Field(
        default=3, ge=0, description="how often a job starts again whose task was lost or timed out"
    )
    folder: str = Field(
        default="",
        description="what nodes and this machine share, for requests and outcomes; by default one in the home directory",
    )
    poll: float = Field(
        default=10.0, gt=0, description="seconds from one question to Slurm to the next"
    )

    def requested(self) -> list[str]:
        """Return what every task asks of sbatch."""
        named = ("partition", "account", "qos", "constraint")
        asked = [f"--{name}={value}" for name in named if (value := getattr(self, name))]
        if self.memory_gib is not None:
            asked.append(f"--mem={max(1, int(self.memory_gib * 1024))}M")
        return ["--nodes=1", "--ntasks=1", *asked]
