"""What the adapters of both WebUIs share: the processing object, the sampler's run, functions replaced and put back."""
