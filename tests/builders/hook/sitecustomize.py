"""Arms a command before it starts: this folder comes first on the path of one that is killed."""

import importlib.util
from pathlib import Path

_file = Path(__file__).parents[1] / "fault_points.py"
_spec = importlib.util.spec_from_file_location("fault_points", _file)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
_module.arm_command()
