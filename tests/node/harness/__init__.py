"""A real Kubernetes node in namespaces of its own. README.md in the folder above says how it is built."""
