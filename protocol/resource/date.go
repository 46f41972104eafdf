package resource

// Dates of RFC 9110 section 5.6.7, as seconds since 1970. The package has no
// clock, so they are computed here.

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
	day        = 24 * 60 * 60
)

var longDayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// AppendDate appends seconds since 1970 in the one form that is sent:
// "Sun, 06 Nov 1994 08:49:37 GMT".
func AppendDate(dst []byte, seconds int64) []byte {
	days, rest := seconds/day, seconds%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	year, month, date := civil(days)
	name := int(((days+4)%7 + 7) % 7) // 1 January 1970 was a Thursday
	dst = append(append(dst, dayNames[name*3:name*3+3]...), ", "...)
	dst = append(appendTwo(dst, date), ' ')
	dst = append(append(dst, monthNames[month*3-3:month*3]...), ' ')
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = append(appendTwo(append(dst, ' '), int(rest/3600)), ':')
	dst = append(appendTwo(dst, int(rest/60%60)), ':')
	return append(appendTwo(dst, int(rest%60)), " GMT"...)
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }

// ParseDate reads any of the three forms a recipient must know. now decides
// the century of a year with two digits.
func ParseDate(b []byte, now int64) (seconds int64, ok bool) {
	p := dateParser{b: b}
	switch {
	case len(b) > 3 && b[3] == ',':
		p.name(dayNames)
		p.text(", ")
		date := p.number(2)
		p.text(" ")
		month := p.name(monthNames)
		p.text(" ")
		year := p.number(4)
		p.text(" ")
		seconds = p.at(year, month, date)
		p.text(" GMT")
	case len(b) > 3 && b[3] == ' ':
		p.name(dayNames)
		p.text(" ")
		month := p.name(monthNames)
		p.text(" ")
		date := p.padded()
		p.text(" ")
		clock := p.clock()
		p.text(" ")
		seconds = p.on(p.number(4), month, date) + clock
	default:
		p.longDay()
		p.text(", ")
		date := p.number(2)
		p.text("-")
		month := p.name(monthNames)
		p.text("-")
		year := century(p.number(2), now)
		p.text(" ")
		seconds = p.at(year, month, date)
		p.text(" GMT")
	}
	return seconds, !p.bad && len(p.b) == 0
}

// century: a date that seems to be more than 50 years ahead is in the past.
func century(year int, now int64) int {
	current, _, _ := civil(now / day)
	year += current / 100 * 100
	switch {
	case year > current+50:
		return year - 100
	case year+50 < current:
		return year + 100
	}
	return year
}

// dateParser takes parts off the front of b; bad stays once it is set.
type dateParser struct {
	b   []byte
	bad bool
}

func (p *dateParser) text(s string) {
	if len(p.b) < len(s) || string(p.b[:len(s)]) != s {
		p.bad, p.b = true, nil
		return
	}
	p.b = p.b[len(s):]
}

func (p *dateParser) number(digits int) (n int) {
	if len(p.b) < digits {
		p.bad, p.b = true, nil
		return 0
	}
	for _, c := range p.b[:digits] {
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		n = n*10 + int(c-'0')
	}
	p.b = p.b[digits:]
	return n
}

// padded is the day of asctime: " 6" or "16".
func (p *dateParser) padded() int {
	if len(p.b) > 0 && p.b[0] == ' ' {
		p.b = p.b[1:]
		return p.number(1)
	}
	return p.number(2)
}

// name finds one of the three-letter names and counts from 1.
func (p *dateParser) name(names string) int {
	if len(p.b) >= 3 {
		for i := 0; i < len(names); i += 3 {
			if string(p.b[:3]) == names[i:i+3] {
				p.b = p.b[3:]
				return i/3 + 1
			}
		}
	}
	p.bad = true
	return 1
}

func (p *dateParser) longDay() {
	for _, name := range longDayNames {
		if len(p.b) >= len(name) && string(p.b[:len(name)]) == name {
			p.b = p.b[len(name):]
			return
		}
	}
	p.bad = true
}

func (p *dateParser) at(year, month, date int) int64 { return p.on(year, month, date) + p.clock() }

func (p *dateParser) on(year, month, date int) int64 {
	if date < 1 || date > 31 {
		p.bad = true
		return 0
	}
	days := daysTo(year, month, date)
	if _, m, _ := civil(days); m != month { // 31 April
		p.bad = true
	}
	return days * day
}

// clock reads hours, minutes and seconds; 60 is a leap second.
func (p *dateParser) clock() int64 {
	hour := p.number(2)
	p.text(":")
	minute := p.number(2)
	p.text(":")
	second := p.number(2)
	if hour > 23 || minute > 59 || second > 60 {
		p.bad = true
	}
	return int64(hour*3600 + minute*60 + second)
}

// daysTo counts the days from 1 January 1970 in the Gregorian calendar. Years
// begin in March here, so that the leap day is the last of them; 400 of them
// are an era (H. Hinnant, "chrono-compatible low-level date algorithms").
func daysTo(year, month, date int) int64 {
	y := int64(year)
	if month <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yearOfEra := y - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + date - 1)
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// civil undoes daysTo.
func civil(days int64) (year, month, date int) {
	days += 719468
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	date = int(dayOfYear - (153*shifted+2)/5 + 1)
	month = int((shifted+2)%12 + 1)
	year = int(yearOfEra + era*400)
	if month <= 2 {
		year++
	}
	return year, month, date
}
