package config

// longestWord is far above every word gw knows; beyond it nothing is a slip.
const longestWord = 64

// Suggest returns the known word nearest to a mistyped one, or "" when none is
// near enough to be meant.
func Suggest(word string, known []string) string {
	if len(word) > longestWord {
		return ""
	}
	best, distance := "", len(word)/3+2
	for _, k := range known {
		if d := edits(word, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours between two words (optimal string alignment).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean is Suggest as a hint.
func didYouMean(word string, known []string) string {
	if s := Suggest(word, known); s != "" {
		return `did you mean "` + s + `"?`
	}
	return ""
}
