"""Devices report by datagram, frame or line; each is answered in the way it spoke."""

import os

import gw

app = gw.Worker()
collector = os.environ.get("COLLECTOR")  # an address such as 192.0.2.7:8125


@app.on_message
async def report(connection, data):
    text = data if isinstance(data, str) else data.decode()  # datagrams and frames are bytes
    connection.send(f"ok {text}")
    if collector:
        gw.gateway.send_datagram(collector, f"{connection.kind} {text}")  # needs no datagram to answer


app.run()
