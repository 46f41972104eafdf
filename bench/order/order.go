// Package order holds the JSON of the `json` scenario: a 1 KiB order goes in, a
// priced summary of about 850 bytes comes out.
//
// Every handler, in whatever language, answers byte for byte what
// [Order.Summary] says, so the load generator can compare whole bodies. All
// amounts are integers in cents: two languages rarely print a fraction alike.
package order

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Bytes is the size of every encoded order.
const Bytes = 1024

const (
	lines      = 11
	vatPercent = 19
)

// Order is what a client sends.
type Order struct {
	Number   string   `json:"order"`
	Customer Customer `json:"customer"`
	Currency string   `json:"currency"`
	Lines    []Line   `json:"lines"`
	Note     string   `json:"note"`
}

// Customer is who ordered.
type Customer struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	City string `json:"city"`
}

// Line is one article of an order; Price is in cents.
type Line struct {
	SKU      string `json:"sku"`
	Title    string `json:"title"`
	Quantity int    `json:"quantity"`
	Price    int    `json:"price"`
}

// Summary is what the handler answers.
type Summary struct {
	Number   string   `json:"order"`
	Status   string   `json:"status"`
	Customer Customer `json:"customer"`
	Channel  string   `json:"channel"` // the request's query argument
	Visit    string   `json:"visit"`   // the request's X-Visit header
	Currency string   `json:"currency"`
	Lines    []Total  `json:"lines"`
	Count    int      `json:"count"`
	Net      int      `json:"net"`
	VAT      int      `json:"vat"`
	Gross    int      `json:"gross"`
}

// Total is the price of one line, in cents.
type Total struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Total    int    `json:"total"`
	VAT      int    `json:"vat"`
}

// New makes the i-th order; orders of different i differ in nearly every field.
func New(i int) Order {
	o := Order{
		Number:   fmt.Sprintf("ORD-%06d", i),
		Customer: Customer{ID: 10000 + i, Name: fmt.Sprintf("Customer %05d", i), City: "Springfield"},
		Currency: "EUR",
	}
	for n := range lines {
		o.Lines = append(o.Lines, Line{
			SKU:      fmt.Sprintf("SKU-%04d", (i*7+n*31)%10000),
			Title:    fmt.Sprintf("Article %d", 1000+(i+n)%9000),
			Quantity: 1 + (i+n)%9,
			Price:    1000 + (i*13+n*97)%9000,
		})
	}
	return o
}

// Encode returns the order as JSON of exactly [Bytes] bytes: the note fills it up.
func (o Order) Encode() []byte {
	o.Note = ""
	bare, err := json.Marshal(o)
	if err != nil || len(bare) > Bytes {
		panic(fmt.Sprintf("order of %d bytes: %v", len(bare), err)) // fixed input: only a fault of this package
	}
	o.Note = strings.Repeat("n", Bytes-len(bare))
	full, _ := json.Marshal(o)
	return full
}

// Summary prices the order.
func (o Order) Summary(channel, visit string) Summary {
	s := Summary{Number: o.Number, Status: "accepted", Customer: o.Customer, Channel: channel, Visit: visit, Currency: o.Currency}
	for _, line := range o.Lines {
		total := line.Quantity * line.Price
		s.Lines = append(s.Lines, Total{line.SKU, line.Quantity, total, total * vatPercent / 100})
		s.Count += line.Quantity
		s.Net += total
	}
	s.VAT = s.Net * vatPercent / 100
	s.Gross = s.Net + s.VAT
	return s
}

// Encode returns the summary as compact JSON.
func (s Summary) Encode() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and integers always encode
	}
	return text
}
