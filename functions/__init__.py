"""One folder for each function; each function is a Knative Service."""
