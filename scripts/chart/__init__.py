"""What of charts/todo-app is made from other files. Used by `scripts/manifests`."""
