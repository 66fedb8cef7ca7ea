"""keras.Model subclasses built from layers; log-likelihoods are TFP distributions."""
