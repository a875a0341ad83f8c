"""Real data as the files that people have: CSV, Parquet, npz, IDX and folders of pictures."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def digits():
    """Return scikit-learn's 1,797 digits as bytes ``[N, 8, 8]``, and their labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images * 15).astype(np.uint8), bunch.target


def digits_npz(folder: Path) -> Path:
    images, labels = digits()
    np.savez(folder / "digits.npz", x=images, y=labels)
    return folder / "digits.npz"


def wine_parquet(folder: Path) -> Path:
    from sklearn.datasets import load_wine

    bunch = load_wine(as_frame=True)
    frame = bunch.data.assign(kind=bunch.target.map(lambda i: f"wine {i}"))
    frame.to_parquet(folder / "wine.parquet")
    return folder / "wine.parquet"


def cars():
    """Return the table of cars: numbers, two of them with gaps, texts and dates."""
    import json

    import pandas as pd
    from vega_datasets import data

    names = {"Name": "name", "Miles_per_Gallon": "mpg", "Cylinders": "cylinders"}
    names |= {"Displacement": "displacement", "Horsepower": "horsepower", "Year": "year"}
    names |= {"Weight_in_lbs": "weight", "Acceleration": "acceleration", "Origin": "origin"}
    return pd.DataFrame(json.loads(data.cars.raw())).rename(columns=names)


def cars_csv(folder: Path) -> Path:
    frame = cars().dropna(subset=["mpg"])
    frame.to_csv(folder / "cars.csv", index=False)
    return folder / "cars.csv"


def digits_idx(folder: Path) -> Path:
    """Write the digits as MNIST's files are, of 8 x 8 pixels: 1,500 to train, 297 to test."""
    images, labels = digits()
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, part in (("train", slice(0, 1500)), ("t10k", slice(1500, None))):
        x, y = images[part], labels[part].astype(np.uint8)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, *x.shape) + x.tobytes()
        )
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, len(y)) + y.tobytes()
        )
    return folder


def digits_folders(folder: Path, *parts: str, each: int = 6) -> Path:
    """Write digits as pictures in a folder a class, below folders for the parts."""
    from PIL import Image

    images, labels = digits()
    for place, part in enumerate(parts or (".",)):
        for digit in (0, 1, 2):
            path = folder / part / f"digit {digit}"
            path.mkdir(parents=True)
            of = images[labels == digit][place * each : (place + 1) * each]
            for i, image in enumerate(of):
                Image.fromarray(image).save(path / f"{i}.png")
    return folder
