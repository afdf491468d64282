"""The server as a client sees it."""

from tests.conftest import StartServer


def test_serves_a_contact(start_server: StartServer) -> None:
    server = start_server()
    answer = server.post(phone="+91 88568 79188", first_name="Priya", tags=["Lead"])
    assert answer.status_code == 201
    assert server.get(tag="Lead").json()["contacts"][0]["id"] == "cnt_918856879188"
    assert server.stop() == 0
