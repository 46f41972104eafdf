package report

import (
	"strings"
	"testing"
)

func TestRatiosOfAnSDKAreTakenWithinARun(t *testing.T) {
	rows := []SDKRow{{Work: "hello", Handler: "php", Budget: 2, Runs: []SDKRun{
		{SDK: 1, Bare: 0.5, Beside: 2}, {SDK: 4, Bare: 2, Beside: 8}, {SDK: 3, Bare: 1.5, Beside: 6},
	}}}
	var out strings.Builder
	WriteSDKMarkdown(&out, rows)
	want := `| work | handler | CPU µs | best | bare loop | ÷ bare | budget | ÷ budget | messages/s | noise | beside | ÷ beside |
|---|---|---|---|---|---|---|---|---|---|---|---|
| hello | php | 3.00 | 1.00 | 1.50 | 2.00 | 2.00 | 1.50 | 0 | 0 % | 6.00 | 0.50 |
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
