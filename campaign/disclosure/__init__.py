"""Who may see a name: safety lists, approvals, published names, delivered names."""
