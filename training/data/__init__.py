"""Training data: read pairs of sketch and picture, augment them, keep what the frozen networks make of them."""
