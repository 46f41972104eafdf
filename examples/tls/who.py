"""Tells clients how they are connected, and whose certificate they have."""

import gw

app = gw.Worker()


@app.on_request
def who(request):
    return {"scheme": request.scheme, "certificate": request.headers.get("x-client-cert-subject")}


@app.on_message
def who_are_you(connection, data):
    connection.send(f"{'encrypted' if connection.secure else 'plain'}, {connection.headers.get('x-client-cert-subject', 'no certificate')}")


app.run()
