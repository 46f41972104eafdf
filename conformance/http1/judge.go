package http1

import (
	"fmt"
	"strconv"
	"strings"
)

// Smuggled is a word in the targets of requests that hide in the body or the
// head of another: no server may ever hand one to its handler.
const Smuggled = "smuggled"

// Right reports that o is one of the outcomes the RFCs allow.
func (v Vector) Right(o Observation) bool {
	for _, allowed := range v.Outcomes {
		if allowed.matches(o) {
			return true
		}
	}
	return false
}

// Exact reports that o is the first outcome, the one gw promises, without a
// reset connection.
func (v Vector) Exact(o Observation) bool { return o.Ending != reset && v.Outcomes[0].matches(o) }

// Fooled reports that a hidden request reached the handler.
func (o Observation) Fooled() bool {
	for _, r := range o.Answers {
		if _, seen, _ := strings.Cut(r.Body, " "); r.Status == 200 && strings.HasPrefix(seen, "/"+Smuggled) {
			return true
		}
	}
	return false
}

func (want Outcome) matches(o Observation) bool {
	if o.Fault != "" || len(o.Answers) != len(want.Answers) {
		return false
	}
	for i, a := range want.Answers {
		if !a.matches(o.Answers[i]) {
			return false
		}
	}
	if o.Ending == reset { // an answer that arrived whole was not destroyed
		return want.Ending == Close
	}
	return o.Ending == want.Ending
}

func (want Answer) matches(r Response) bool {
	if want.Seen != "" && want.Seen != r.Body {
		return false
	}
	for _, condition := range want.Fields {
		name, absent := strings.CutPrefix(condition, "!")
		if r.has(name) == absent {
			return false
		}
	}
	for _, s := range want.Statuses {
		if s == strconv.Itoa(r.Status) || len(s) == 3 && s[1:] == "xx" && int(s[0]-'0') == r.Status/100 {
			return true
		}
	}
	return false
}

// has looks for a field by name, or by name and value.
func (r Response) has(condition string) bool {
	for _, f := range r.Fields {
		if strings.EqualFold(f, condition) || strings.HasPrefix(f, condition+":") {
			return true
		}
	}
	return false
}

func (o Observation) String() string {
	var b strings.Builder
	for _, r := range o.Answers {
		fmt.Fprintf(&b, "%d %q ", r.Status, r.Body)
	}
	if o.Fault != "" {
		fmt.Fprintf(&b, "(%s) ", o.Fault)
	}
	return b.String() + string(o.Ending)
}

func (want Outcome) String() string {
	var b strings.Builder
	for _, a := range want.Answers {
		b.WriteString(strings.Join(a.Statuses, ","))
		if a.HeadOnly {
			b.WriteByte('-')
		}
		for _, f := range a.Fields {
			fmt.Fprintf(&b, " {%s}", f)
		}
		if a.Seen != "" {
			fmt.Fprintf(&b, " %q", a.Seen)
		}
		b.WriteByte(' ')
	}
	return b.String() + string(want.Ending)
}
