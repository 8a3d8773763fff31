"""A stand-in for a node of Kubernetes: the objects of the chart, run as processes of this machine.

What it does as a kubelet and the controllers do is in each module. What differs from them:

- There are no images: a container runs `headrace` of this environment, and its root is that of the machine. So nothing here shows
  that the root can be read-only, or that the user can be any; `tests.image` and the policies of the chart do.
- A pod has a loopback address of its own instead of a network of its own: every process can reach every other one, and no
  NetworkPolicy applies. Ports are those of the manifest.
- There is no DNS and there are no mounts: names of Services and paths of volumes are replaced where a container is told them, see
  `rewriting`.
- Limits of CPU and memory do not apply.
- The first probe comes at once instead of after a random part of its period, and waits between restarts are shorter.
"""
