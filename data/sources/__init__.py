"""Where images are read from: TensorFlow Datasets, .npz files, scikit-learn, a user's own files."""
