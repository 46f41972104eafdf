package main

import (
	"encoding/json"
	"testing"
)

func TestTable(t *testing.T) {
	got := table([]score{
		{suite: "Autobahn", part: "1-7, 9, 10", server: "gw, PHP", own: true, passed: 2, total: 2},
		{suite: "Autobahn", part: "12, 13", server: "other", passed: 0, total: 9, failed: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}},
	})
	want := `| suite | part | server | passed | what failed |
|---|---|---|---|---|
| Autobahn | 1-7, 9, 10 | gw, PHP | 2 of 2 |  |
| Autobahn | 12, 13 | other | 0 of 9 | 1, 2, 3, 4, 5, 6, 7, 8 and 1 more |
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestVerdicts(t *testing.T) {
	results := map[string]map[string]verdict{}
	if err := json.Unmarshal([]byte(`{"gw": {
		"1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
		"6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
		"7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"},
		"9.1.1": {"behavior": "OK", "behaviorClose": "FAILED"},
		"12.1.1": {"behavior": "UNIMPLEMENTED", "behaviorClose": "OK"},
		"13.1.1": {"behavior": "OK", "behaviorClose": "OK"}}}`), &results); err != nil {
		t.Fatal(err)
	}
	scores := verdicts(results, map[string]bool{"gw": true})
	if len(scores) != 2 {
		t.Fatal(scores)
	}
	if s := scores[0]; s.passed != 2 || s.total != 4 || !s.own || len(s.failed) != 2 || s.failed[0] != "6.4.1 NON-STRICT" || s.failed[1] != "9.1.1 close FAILED" {
		t.Errorf("%+v", s)
	}
	if s := scores[1]; s.passed != 1 || s.total != 2 || s.failed[0] != "12.1.1 UNIMPLEMENTED" {
		t.Errorf("%+v", s)
	}
}
