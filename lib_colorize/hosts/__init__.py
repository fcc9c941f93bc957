"""One colouring job inside somebody else's program, whichever that is.

From outside: `host.Host`, what such a program has to offer; `request.parse`, which makes a `Request` of what it was
sent; `job.start`, which makes a `Job` of that and of what the program brings itself (`host_run.HostRun`). Before its
sampler runs a program calls `Job.start_run`, whose `SamplerRun` shows its U-Net sketch and reference; each picture goes
through `Job.finish`. No file here imports a WebUI; those stand below, in `webui/`.
Imports `models/`, `checkpoint/`, `pictures/` and `method/`.
"""
