"""SavedModel export, TensorFlow Serving configuration, a client."""
