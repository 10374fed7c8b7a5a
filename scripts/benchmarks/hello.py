"""The peer that cold starts are compared with: what anybody gets from functions-framework as it comes."""

import functions_framework
from flask import Request


@functions_framework.http
def hello(_: Request) -> str:
    return "hello"
