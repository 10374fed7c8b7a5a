"""The function that cold starts are compared with: a hello on functions-framework without any settings."""

import functions_framework
from flask import Request


@functions_framework.http
def hello(_: Request) -> str:
    return "hello"
