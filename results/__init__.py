"""Records, weights and pictures: what the scripts in reproduce/ measured."""
