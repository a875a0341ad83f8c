"""Statistics of replicates: arrays in, numbers out.

Every replicate brings its own data, initialisation and batch order, and where data are generated
its own test examples too, so the spread over replicates holds all of them. Two arms are compared
replicate by replicate, on the seeds that they share: what a lucky draw of the data gives to both
cancels. Some runs fail; what is said of a configuration is therefore said thrice, of the runs that
train, of how many do, and of all (``describe_runs``).

Notation: ``n`` is the number of replicates; ``n`` values or differences make one sample.
"""

from ibsweep.analysis.statistics.all_runs import (
    RunFigures,
    compare_means_of_all,
    describe_runs,
    mean_of_all,
)
from ibsweep.analysis.statistics.best_of import BestOf, best_of
from ibsweep.analysis.statistics.fronts import (
    equal_figure_ratio,
    hypervolume,
    jackknifed_ratio,
    nondominated,
    spread_over,
    undominated_probabilities,
)
from ibsweep.analysis.statistics.intervals import (
    DECIMALS,
    Comparison,
    Interval,
    compare_with_bound,
    mean_interval,
    paired_difference,
)
from ibsweep.analysis.statistics.looks import (
    ALPHA,
    LOOK_LEVELS,
    holm,
    look_sizes,
    sequential_p,
)
from ibsweep.analysis.statistics.power import (
    LEAST_REPLICATES,
    detectable_effect,
    replicates_needed,
)
from ibsweep.analysis.statistics.profiles import Profile, performance_profile
from ibsweep.analysis.statistics.rates import (
    Rate,
    compare_rate,
    paired_rates,
    probability_of_better,
    rate_difference,
    rate_interval,
    unseen_failures,
)
from ibsweep.analysis.statistics.sizes import sizes_to_reach
from ibsweep.analysis.statistics.studentised import RESAMPLES
from ibsweep.analysis.statistics.sweeps import SweepComparison, between_sweeps

__all__ = [
    "ALPHA",
    "DECIMALS",
    "LEAST_REPLICATES",
    "LOOK_LEVELS",
    "RESAMPLES",
    "BestOf",
    "Comparison",
    "Interval",
    "Profile",
    "Rate",
    "RunFigures",
    "SweepComparison",
    "best_of",
    "between_sweeps",
    "compare_means_of_all",
    "compare_rate",
    "compare_with_bound",
    "describe_runs",
    "detectable_effect",
    "equal_figure_ratio",
    "holm",
    "hypervolume",
    "jackknifed_ratio",
    "look_sizes",
    "mean_interval",
    "mean_of_all",
    "nondominated",
    "paired_difference",
    "paired_rates",
    "performance_profile",
    "probability_of_better",
    "rate_difference",
    "rate_interval",
    "replicates_needed",
    "sequential_p",
    "sizes_to_reach",
    "spread_over",
    "undominated_probabilities",
    "unseen_failures",
]
