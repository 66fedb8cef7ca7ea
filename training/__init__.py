"""What surrounds `fit`: callbacks, checkpoints, optimizers, devices."""
