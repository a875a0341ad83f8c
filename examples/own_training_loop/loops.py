"""Training functions of one's own: what is not a PyTorch module, or wants a loop of its own."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.neural_network import MLPClassifier
from torch import nn


def scikit_learn(config, data, seed, report):
    """scikit-learn's MLP, an epoch at a time."""
    x, y = data.train.x.flatten(1).numpy(), data.train.y.numpy()
    model = MLPClassifier(
        (config["width"],),
        learning_rate_init=config["lr"],
        batch_size=config["batch_size"],
        random_state=seed,
    )
    classes = np.arange(data.outputs)
    for epoch in range(1, config["epochs"] + 1):
        model.partial_fit(x, y, classes=classes)
        report(epoch, predict=lambda inputs: model.predict_proba(inputs.flatten(1).numpy()))


def with_mixup(config, data, seed, report):
    """A PyTorch loop that mixes pairs of images, which no option of ibsweep does."""
    x, y = data.train.x, F.one_hot(data.train.y, data.outputs).float()
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(x[0].numel(), config["width"]),
        nn.ReLU(),
        nn.Linear(config["width"], data.outputs),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    mixing = torch.distributions.Beta(config["mixup"], config["mixup"])
    for epoch in range(1, config["epochs"] + 1):
        for rows in torch.randperm(len(x)).split(config["batch_size"]):
            others = rows[torch.randperm(len(rows))]
            share = mixing.sample()
            logits = model(share * x[rows] + (1 - share) * x[others])
            loss = F.cross_entropy(logits, share * y[rows] + (1 - share) * y[others])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        report(epoch, predict=model)
