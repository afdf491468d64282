"""The ceiling with Flask: a GET that says hello, a POST that reads JSON and says hello."""

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def get_hello():
    return jsonify(hello="world")


@app.post("/")
def post_hello():
    return jsonify(hello=request.get_json()["phone"])
