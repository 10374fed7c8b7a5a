"""What turns a handler into a running, secured, observable process."""
