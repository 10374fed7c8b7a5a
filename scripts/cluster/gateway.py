"""Where the public Services of the installation are reached from here."""

from urllib.parse import urlsplit

from scripts.cluster.api import Door
from scripts.cluster.kubectl import CommandFailed, read
from scripts.cluster.options import NAMESPACE, Options


def door(options: Options, service: str, token: str = "") -> Door:
    """The Service's own host, behind the gateway that this machine reaches."""
    found = read("services.serving.knative.dev", service, "--namespace", NAMESPACE)
    url = (found or {}).get("status", {}).get("url")
    if not url:
        raise CommandFailed(f"Service {service} has no URL yet: kubectl get ksvc -n {NAMESPACE}")
    return Door(gateway(options), str(urlsplit(url).hostname), token)


def gateway(options: Options) -> str:
    """The option's, the port that a cluster of our own maps, or Kourier's load balancer."""
    if options.ingress:
        return options.ingress.rstrip("/")
    if options.cluster != "current":
        return f"http://127.0.0.1:{options.port}"
    kourier = read("service", "kourier", "--namespace", "kourier-system")
    balancer = (kourier or {}).get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if not balancer:
        raise CommandFailed("Kourier has no address: give the gateway's with --ingress URL")
    return f"http://{balancer[0].get('ip') or balancer[0]['hostname']}"
