"""Before: the search of Ray Tune's MNIST example, as one writes it with Ray Tune alone.

What it reports is the best of many noisy figures, on the images that chose it.
"""

import argparse

import torch
import torch.nn.functional as F
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from net import ConvNet


def train_mnist(config, root):
    to_tensor = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    train_set = datasets.MNIST(root, train=True, download=True, transform=to_tensor)
    test_set = datasets.MNIST(root, train=False, transform=to_tensor)
    train_loader = DataLoader(Subset(train_set, range(512)), batch_size=64, shuffle=True)
    test_loader = DataLoader(Subset(test_set, range(256)), batch_size=64)
    model = ConvNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=config["momentum"])
    for _ in range(config["epochs"]):
        model.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)
        tune.report({"mean_accuracy": hits / 256})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--root", default="data")
    arguments = parser.parse_args()
    tuner = tune.Tuner(
        tune.with_parameters(train_mnist, root=arguments.root),
        tune_config=tune.TuneConfig(
            metric="mean_accuracy",
            mode="max",
            scheduler=AsyncHyperBandScheduler(),
            num_samples=arguments.trials,
        ),
        param_space={
            "lr": tune.loguniform(1e-4, 1e-2),
            "momentum": tune.uniform(0.1, 0.9),
            "epochs": arguments.epochs,
        },
    )
    best = tuner.fit().get_best_result()
    print("best:", best.config, "accuracy:", best.metrics["mean_accuracy"])


if __name__ == "__main__":
    main()
