"""Before: the search of Optuna's Fashion-MNIST example, as one writes it with Optuna alone."""

import argparse

import optuna
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from net import Net

BATCH = 128


def objective(trial, root, epochs):
    depth = trial.suggest_int("depth", 1, 3)
    widths = [trial.suggest_int(f"width_{i + 1}", 4, 128, log=True) for i in range(depth)]
    dropout = trial.suggest_float("dropout", 0.2, 0.5)
    name = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    model = Net((1, 28, 28), 10, depth, *widths, *[4] * (3 - depth), dropout=dropout)
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[name]
    optimizer = kind(model.parameters(), lr=lr)
    loaders = [
        DataLoader(
            Subset(
                datasets.FashionMNIST(
                    root, train=train, download=True, transform=transforms.ToTensor()
                ),
                range(count),
            ),
            batch_size=BATCH,
            shuffle=train,
        )
        for train, count in ((True, 30 * BATCH), (False, 10 * BATCH))
    ]
    for epoch in range(epochs):
        model.train()
        for images, labels in loaders[0]:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = sum((model(x).argmax(1) == y).sum().item() for x, y in loaders[1])
        accuracy = hits / len(loaders[1].dataset)
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--root", default="data")
    arguments = parser.parse_args()
    study = optuna.create_study(direction="maximize")
    study.optimize(
        lambda trial: objective(trial, arguments.root, arguments.epochs),
        n_trials=arguments.trials,
    )
    print("best:", study.best_params, "accuracy:", study.best_value)


if __name__ == "__main__":
    main()
