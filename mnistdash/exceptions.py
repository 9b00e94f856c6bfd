"""Exceptions that mnistdash raises; each message is one sentence for the user.

MnistdashError
├── SettingsError
├── CommandError
├── DataError
│   ├── DataFileError
│   └── DataUnavailableError
├── ImageError
│   ├── UnreadableImageError
│   └── BlankImageError
├── CanvasError
└── RunError
    ├── NameTakenError
    ├── TrainingError
    └── ArchiveError
"""

from pathlib import Path


class MnistdashError(Exception):
    """Root of all exceptions raised by this package."""


class SettingsError(MnistdashError):
    """An environment variable has an invalid value."""


class CommandError(MnistdashError):
    """A command failed."""


class DataError(MnistdashError):
    """The data cannot be used."""


class DataFileError(DataError):
    """A data file does not match the file it is named after."""

    def __init__(self, path: Path, expected: str, found: str):
        super().__init__(f"{path}: expected {expected}, found {found}.")


class DataUnavailableError(DataError):
    """MNIST is not on this machine and cannot be downloaded."""


class ImageError(MnistdashError):
    """An image cannot be used."""


class UnreadableImageError(ImageError):
    """An image file is damaged, too large, or not an image."""


class BlankImageError(ImageError):
    """An image has no foreground."""


class CanvasError(MnistdashError):
    """The canvas sent an invalid drawing."""


class RunError(MnistdashError):
    """A run cannot be created, found or used."""


class NameTakenError(RunError):
    """A run of this name already exists."""

    def __init__(self, name: str):
        super().__init__(f"There is a run named {name} already; choose another name.")


class TrainingError(RunError):
    """A run cannot continue training."""


class ArchiveError(RunError):
    """A zip does not hold a run, or is damaged."""
