"""PyTorch's first documented example, the Quickstart of "Learn the Basics".

The page classifies images; it is followed for every kind of task, with the loss that the next page
of the same series or the API page names for it. Not the page's own: our data, layers and dropout.
The page neither shuffles nor prints an epoch's training loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from samenet.adapter import Array, QuickStartData
from samenet.spec import Network, TrainSpec

PAGES = {
    "multiclass": {
        "page": "https://docs.pytorch.org/tutorials/beginner/basics/quickstart_tutorial.html",
        "read": "2026-11-23",
        "batch_size": 64,
        "updates": 4690,
        "training": "5 epochs of 60,000 rows, batches of 64",
        "optimizer": "SGD, learning rate 0.001",
        "initializer": "nn.Linear's own: kernels and biases uniform within 1/sqrt(inputs)",
        "shuffling": "none: DataLoader's default, as on the page",
        "loss": "nn.CrossEntropyLoss",
        "reported": "mean of the batch losses; the page prints every hundredth of them",
    },
    "binary": {
        "page": "https://docs.pytorch.org/tutorials/beginner/basics/quickstart_tutorial.html",
        "loss page": "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        "read": "2026-11-23",
        "batch_size": 64,
        "updates": 4690,
        "training": "5 epochs of 60,000 rows, batches of 64",
        "optimizer": "SGD, learning rate 0.001",
        "initializer": "nn.Linear's own: kernels and biases uniform within 1/sqrt(inputs)",
        "shuffling": "none: DataLoader's default, as on the page",
        "loss": "nn.BCEWithLogitsLoss",
        "reported": "mean of the batch losses; the page prints every hundredth of them",
    },
    "regression": {
        "page": "https://docs.pytorch.org/tutorials/beginner/basics/quickstart_tutorial.html",
        "loss page": "https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html",
        "read": "2026-11-23",
        "batch_size": 64,
        "updates": 4690,
        "training": "5 epochs of 60,000 rows, batches of 64",
        "optimizer": "SGD, learning rate 0.001",
        "initializer": "nn.Linear's own: kernels and biases uniform within 1/sqrt(inputs)",
        "shuffling": "none: DataLoader's default, as on the page",
        "loss": "nn.MSELoss",
        "reported": "mean of the batch losses; the page prints every hundredth of them",
    },
}
LOSSES = {
    "multiclass": nn.CrossEntropyLoss,
    "binary": nn.BCEWithLogitsLoss,
    "regression": nn.MSELoss,
}
LINKS = {
    "multiclass": nn.Softmax(dim=1),
    "binary": nn.Sigmoid(),
    "regression": nn.Identity(),
}
ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


class NeuralNetwork(nn.Module):
    """The page's class: a stack of linear layers and activations that gives logits."""

    def __init__(self, network: Network) -> None:
        """Make the layers with PyTorch's own initial weights."""
        super().__init__()
        stack: list[nn.Module] = []
        for (fan_in, fan_out), layer in zip(network.shapes, network.places, strict=True):
            stack.append(nn.Linear(fan_in, fan_out))
            stack.append(ACTIVATIONS[layer.activation.name]())
            if layer.dropout:
                stack.append(nn.Dropout(layer.dropout))
        self.linear_relu_stack = nn.Sequential(*stack)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return self.linear_relu_stack(x)


def quickstart(
    network: Network, training: TrainSpec, data: QuickStartData, *, seed: int
) -> PyTorchQuickStart:
    """Return the example with its own random weights."""
    torch.manual_seed(seed)
    return PyTorchQuickStart(network, training.batch_size, data)


class PyTorchQuickStart:
    """The page from "Working with data" to "Optimizing the Model Parameters"."""

    def __init__(self, network: Network, batch_size: int, data: QuickStartData) -> None:
        """Make the data loader, the model, the loss and the optimiser."""
        accelerator = torch.accelerator.current_accelerator()
        self.device = accelerator.type if accelerator else "cpu"
        inputs = torch.tensor(data.inputs)
        targets = torch.tensor(data.targets)
        if data.kind == "multiclass":
            targets = targets.long()  # what nn.CrossEntropyLoss takes as class numbers
        self.dataloader = DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)
        self.model = NeuralNetwork(network).to(self.device)
        self.loss_fn = LOSSES[data.kind]()
        self.link = LINKS[data.kind]
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)

    def fit(self, epochs: int) -> Sequence[float]:
        """Train and return the mean of the batch losses of every epoch."""
        return [self.train() for _ in range(epochs)]

    def train(self) -> float:
        """Run the page's `train` once over the data."""
        losses = []
        self.model.train()
        for features, targets in self.dataloader:
            x, y = features.to(self.device), targets.to(self.device)
            pred = self.model(x)  # compute prediction error
            loss = self.loss_fn(pred, y)
            loss.backward()  # backpropagation
            self.optimizer.step()
            self.optimizer.zero_grad()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    def predict(self, inputs: Array) -> Array:
        """Return probabilities, or values of a regression."""
        self.model.eval()
        with torch.no_grad():
            pred = self.model(torch.tensor(inputs).to(self.device))
            return self.link(pred).cpu().numpy()
