package config

import (
	"errors"
	"math"
	"regexp"
	"strconv"
)

var errNoSize = errors.New("is not a size")

var sizeText = regexp.MustCompile(`^([0-9]+)(B|[kKmMgG]|[KMG]i|[kKMG]iB|[kKMG]B)?$`)

// sizeUnits: one letter counts as in php.ini and nginx (1024), and the names
// of IEC 80000-13 mean what they say: MiB is 1024 kibibytes, MB is 10^6 bytes.
var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"k": 1 << 10, "K": 1 << 10, "Ki": 1 << 10, "kiB": 1 << 10, "KiB": 1 << 10, "kB": 1e3, "KB": 1e3,
	"m": 1 << 20, "M": 1 << 20, "Mi": 1 << 20, "MiB": 1 << 20, "MB": 1e6,
	"g": 1 << 30, "G": 1 << 30, "Gi": 1 << 30, "GiB": 1 << 30, "GB": 1e9,
}

// parseSize reads 10MiB, 10M, 64k or 65536 as bytes.
func parseSize(text string) (int64, error) {
	m := sizeText.FindStringSubmatch(text)
	if m == nil {
		return 0, errNoSize
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[m[2]]
	if err != nil || n > math.MaxInt64/unit {
		return 0, errNoSize
	}
	return n * unit, nil
}

// showSize writes n bytes as parseSize reads them, in the largest unit that
// divides it.
func showSize(n int64) string {
	for _, unit := range []string{"GiB", "MiB", "KiB"} {
		if u := sizeUnits[unit]; n >= u && n%u == 0 {
			return strconv.FormatInt(n/u, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}
