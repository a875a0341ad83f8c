"""Figures of a sweep: a pure ``*_info`` returns arrays, and its ``plot_*`` draws them.

A ``plot_*`` draws on the axes that it is given and returns them. Grids of images take an array of
axes of the shape that their info names: ``plot_kernels(figure.subplots(*info.shape), info)``.
Nothing changes matplotlib's settings; the colours read on light and on dark paper.
"""

from ibsweep.analysis.plots.comparisons import (
    ArmsInfo,
    EfficiencyInfo,
    ReplicationInfo,
    arms_info,
    efficiency_info,
    plot_arms,
    plot_efficiency,
    plot_replication,
    replication_info,
)
from ibsweep.analysis.plots.expected_best import (
    ExpectedBestInfo,
    expected_best_info,
    plot_expected_best,
)
from ibsweep.analysis.plots.fronts import (
    ArmFront,
    FrontInfo,
    HypervolumeInfo,
    front_info,
    hypervolume_info,
    plot_front,
    plot_hypervolume,
)
from ibsweep.analysis.plots.images import (
    DatasetInfo,
    KernelsInfo,
    dataset_info,
    kernels_info,
    plot_dataset,
    plot_kernels,
)
from ibsweep.analysis.plots.profiles import ProfilesInfo, plot_profiles, profiles_info
from ibsweep.analysis.plots.search import (
    ImportanceInfo,
    ParallelAxis,
    ParallelInfo,
    importance_info,
    parallel_info,
    plot_importance,
    plot_parallel,
    study_of,
)
from ibsweep.analysis.plots.style import INK, arm_colours, style_axes
from ibsweep.analysis.plots.training import (
    Band,
    ConfusionInfo,
    CurvesInfo,
    HistoryInfo,
    confusion_info,
    curves_info,
    history_info,
    plot_confusion,
    plot_curves,
    plot_history,
)

__all__ = [
    "INK",
    "ArmFront",
    "ArmsInfo",
    "Band",
    "ConfusionInfo",
    "CurvesInfo",
    "DatasetInfo",
    "EfficiencyInfo",
    "ExpectedBestInfo",
    "FrontInfo",
    "HistoryInfo",
    "HypervolumeInfo",
    "ImportanceInfo",
    "KernelsInfo",
    "ParallelAxis",
    "ParallelInfo",
    "ProfilesInfo",
    "ReplicationInfo",
    "arm_colours",
    "arms_info",
    "confusion_info",
    "curves_info",
    "dataset_info",
    "efficiency_info",
    "expected_best_info",
    "front_info",
    "history_info",
    "hypervolume_info",
    "importance_info",
    "kernels_info",
    "parallel_info",
    "plot_arms",
    "plot_confusion",
    "plot_curves",
    "plot_dataset",
    "plot_efficiency",
    "plot_expected_best",
    "plot_front",
    "plot_history",
    "plot_hypervolume",
    "plot_importance",
    "plot_kernels",
    "plot_parallel",
    "plot_profiles",
    "plot_replication",
    "profiles_info",
    "replication_info",
    "study_of",
    "style_axes",
]
