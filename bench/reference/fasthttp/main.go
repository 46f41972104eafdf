// Command fasthttp ADDRESS SCENARIO answers the scenarios with handlers written
// in Go, in one process: fasthttp for HTTP, fasthttp/websocket, and a goroutine
// per connection for lines. It ends when its standard input does.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"net"
	"os"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"gw/bench/certificate"
	"gw/bench/order"
)

var upgrader = websocket.FastHTTPUpgrader{CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: fasthttp ADDRESS hello|vary|json|ws|text|tls")
	}
	go func() { io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	ln, err := net.Listen("tcp4", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[2] == "text" {
		log.Fatal(serveLines(ln))
	}
	if os.Args[2] == "tls" {
		text, key, err := certificate.New()
		if err != nil {
			log.Fatal(err)
		}
		log.Fatal(fasthttp.ServeTLSEmbed(ln, text, key, route))
	}
	log.Fatal(fasthttp.Serve(ln, route))
}

func route(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/hello":
		ctx.SetBodyString("Hello, World!")
	case "/vary":
		ctx.SetBody(ctx.QueryArgs().Peek("n"))
		ctx.Response.AppendBodyString(" ")
		ctx.Response.AppendBody(ctx.Request.Header.Peek("X-Visit"))
	case "/json":
		price(ctx)
	case "/echo":
		if err := upgrader.Upgrade(ctx, echo); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		}
	default:
		ctx.NotFound()
	}
}

func price(ctx *fasthttp.RequestCtx) {
	var o order.Order
	if err := json.Unmarshal(ctx.PostBody(), &o); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	s := o.Summary(string(ctx.QueryArgs().Peek("channel")), string(ctx.Request.Header.Peek("X-Visit")))
	ctx.SetContentType("application/json")
	ctx.SetBody(s.Encode())
}

func echo(c *websocket.Conn) {
	for {
		kind, message, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func serveLines(ln net.Listener) error {
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			for in := bufio.NewReader(c); ; {
				line, err := in.ReadSlice('\n')
				if err != nil {
					return
				}
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}()
	}
}
