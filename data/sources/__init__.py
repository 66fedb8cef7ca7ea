"""Sources of images: TensorFlow Datasets, .npz files, scikit-learn, a user's own files."""
