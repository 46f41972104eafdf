package accesslog

import (
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends a JSON object on one line. What there is nothing to say about is left out.
func AppendJSON(dst []byte, r *Record) []byte {
	dst = append(append(dst, `{"time":"`...), r.Moment.Second...)
	dst = append(dst, '.', byte('0'+r.Moment.Milli/100%10), byte('0'+r.Moment.Milli/10%10), byte('0'+r.Moment.Milli%10))
	dst = append(append(dst, r.Moment.Zone...), '"')
	dst = appendNumber(dst, `,"id":`, int64(r.ID))
	dst = appendBytes(dst, `,"request_id":`, r.RequestID, maxText)
	dst = appendText(dst, `,"listener":`, r.Listener)
	dst = appendBytes(dst, `,"remote":`, r.Remote, maxText)
	dst = appendBytes(dst, `,"proxy":`, r.Proxy, maxText)
	dst = appendBytes(dst, `,"method":`, r.Method, maxText)
	dst = appendBytes(dst, `,"target":`, r.Target, maxTarget)
	dst = appendText(dst, `,"protocol":`, r.Protocol)
	dst = appendText(dst, `,"scheme":`, r.Scheme)
	dst = appendBytes(dst, `,"host":`, r.Host, maxText)
	dst = appendText(dst, `,"upgrade":`, r.Upgrade)
	dst = appendNumber(dst, `,"status":`, int64(r.Status))
	if r.CloseCode > 0 {
		dst = appendNumber(dst, `,"close_code":`, int64(r.CloseCode))
	}
	dst = appendNumber(dst, `,"sent":`, r.Sent)
	dst = appendNumber(dst, `,"received":`, r.Received)
	dst = appendMillis(dst, `,"took_ms":`, r.Took)
	if r.Worker > 0 {
		dst = appendMillis(dst, `,"queue_ms":`, r.Queued)
		dst = appendMillis(dst, `,"handler_ms":`, r.Handled)
	}
	dst = appendText(dst, `,"pool":`, r.Pool)
	if r.Worker > 0 {
		dst = appendNumber(dst, `,"slot":`, int64(r.Slot))
		dst = appendNumber(dst, `,"worker":`, int64(r.Worker))
	}
	dst = appendBytes(dst, `,"referer":`, r.Referer, maxText)
	dst = appendBytes(dst, `,"user_agent":`, r.Agent, maxText)
	return append(dst, "}\n"...)
}

func appendNumber(dst []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(dst, key...), n, 10)
}

// appendMillis writes microseconds as milliseconds.
func appendMillis(dst []byte, key string, micros int64) []byte {
	micros = max(micros, 0)
	dst = strconv.AppendInt(append(dst, key...), micros/1000, 10)
	return append(dst, '.', byte('0'+micros/100%10), byte('0'+micros/10%10), byte('0'+micros%10))
}

// appendText writes one of gw's own texts; a listener's name may hold anything all the same.
func appendText(dst []byte, key, text string) []byte {
	if text == "" {
		return dst
	}
	dst = append(append(dst, key...), '"')
	for i := 0; i < len(text); i++ {
		if !plainJSON[text[i]] {
			return append(appendQuoted(dst, []byte(text[i:])), '"')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

func appendBytes(dst []byte, key string, b []byte, most int) []byte {
	if len(b) == 0 {
		return dst
	}
	dst = append(append(dst, key...), '"')
	return append(appendQuoted(dst, cut(b, most)), '"')
}

// appendQuoted escapes quote, backslash and control characters, those behind U+007F included, and replaces what is not
// UTF-8 by U+FFFD.
func appendQuoted(dst, b []byte) []byte {
	plain := 0
	for i := 0; i < len(b); {
		c := b[i]
		if plainJSON[c] {
			i++
			continue
		}
		size, code := 1, rune(c)
		if c >= utf8.RuneSelf {
			code, size = utf8.DecodeRune(b[i:])
			if code > 0x9f && (code != utf8.RuneError || size > 1) && code != 0x2028 && code != 0x2029 {
				i += size
				continue
			}
		}
		dst = append(dst, b[plain:i]...)
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', hex[code>>12&15], hex[code>>8&15], hex[code>>4&15], hex[code&15])
		}
		i += size
		plain = i
	}
	return append(dst, b[plain:]...)
}

var plainJSON = func() (table [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()
