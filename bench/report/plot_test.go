package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"gw/bench/gauge"
)

func TestPlotShowsTheCheapestFirst(t *testing.T) {
	rows := []Row{
		{Scenario: "hello", Peer: "slow & <dear>", Workers: 1, Connections: 64, Runs: []Run{{CPU: map[gauge.Role]float64{gauge.Handler: 200}}}},
		{Scenario: "hello", Peer: "gw-php", Workers: 1, Connections: 64, Runs: []Run{run(4.5, 1.5, 0)}},
		{Scenario: "hello", Peer: "not drawn", Workers: 2, Connections: 64, Runs: []Run{run(1, 1, 0)}},
	}
	for i := range rows {
		rows[i].Settle()
	}
	r := Report{Rows: rows}
	var text strings.Builder
	if err := r.WriteSVG(&text); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(text.String())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	gw, slow := strings.Index(text.String(), ">gw-php<"), strings.Index(text.String(), ">slow &amp; &lt;dear&gt;<")
	if gw < 0 || slow < gw || !strings.Contains(text.String(), ">6.0<") || strings.Contains(text.String(), "not drawn") {
		t.Error(text.String())
	}
}
