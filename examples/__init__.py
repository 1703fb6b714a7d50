"""Programs that use chainer the way a stranger would: through its public names alone."""
