package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Geometry of the plot in user units.
const (
	plotWidth  = 900
	labelWidth = 110
	barHeight  = 16
	barGap     = 5
	panelGap   = 46
	plotTop    = 64
	valueWidth = 60 // for the figure behind the longest bar
)

// Colours that can be told apart, on a light page and on a dark one.
const (
	colourGateway = "#2f6fde"
	colourHandler = "#7fb0ff"
	colourPeer    = "#9a9a9a"
	colourText    = "#777777"
)

// WriteSVG draws the processor time per request at [BudgetConnections] and one
// worker: a panel for each scenario, the cheapest server on top. The scale is
// logarithmic, as a hundredfold lies between the first and the last.
func (r *Report) WriteSVG(w io.Writer) error {
	panels := r.panels()
	least, most := 1.0, 10.0
	height := plotTop
	for _, rows := range panels {
		height += panelGap + len(rows)*(barHeight+barGap)
		for _, row := range rows {
			most = max(most, row.Median.Total())
			least = min(least, row.Median.Total()/1.5)
		}
	}
	s := scale{least: least, most: most}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="15" fill="%s">CPU µs per request over all processes of a server, %d connections, 1 worker</text>`+"\n",
		labelWidth, colourText, BudgetConnections)
	fmt.Fprintf(&b, `<text x="%d" y="40" fill="%s">logarithmic; gw: gateway dark, handler light; less is better</text>`+"\n", labelWidth, colourText)
	y := plotTop
	for _, rows := range panels {
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="bold" fill="%s">%s</text>`+"\n", labelWidth, y+12, colourText, html.EscapeString(rows[0].Scenario))
		y += 20
		for _, row := range rows {
			s.bar(&b, row, y)
			y += barHeight + barGap
		}
		y += panelGap - 20
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// panels are the rows that are drawn, by scenario in their order, the cheapest first.
func (r *Report) panels() (panels [][]Row) {
	index := map[string]int{}
	for _, row := range r.Rows {
		if row.Connections != BudgetConnections || row.Workers != 1 || row.FixedRate > 0 || row.Median.Total() == 0 {
			continue
		}
		i, known := index[row.Scenario]
		if !known {
			i = len(panels)
			index[row.Scenario] = i
			panels = append(panels, nil)
		}
		panels[i] = append(panels[i], row)
	}
	for _, rows := range panels {
		slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Median.Total(), b.Median.Total()) })
	}
	return panels
}

// scale maps µs to user units, logarithmically.
type scale struct{ least, most float64 }

func (s scale) length(us float64) float64 {
	room := float64(plotWidth - labelWidth - valueWidth)
	return room * math.Log(max(us, s.least)/s.least) / math.Log(s.most/s.least)
}

// bar draws one server. On a logarithmic scale parts of a bar are no lengths:
// the gateway's share is that share of the bar.
func (s scale) bar(b *strings.Builder, row Row, y int) {
	total := row.Median.Total()
	length, text := s.length(total), y+barHeight-4
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>`+"\n", labelWidth-8, text, colourText, html.EscapeString(row.Peer))
	gateway := length * row.Median.CPU["gateway"] / total
	colour := colourPeer
	if gateway > 0 {
		colour = colourHandler
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", labelWidth, y, gateway, barHeight, colourGateway)
	}
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", labelWidth+gateway, y, length-gateway, barHeight, colour)
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s">%.1f</text>`+"\n", labelWidth+length+6, text, colourText, total)
}
