// Package ledger is shared by two plugins and unknown to every host.
package ledger

var entries []string

// Enter keeps one line and returns how many there are.
func Enter(line string) int {
	entries = append(entries, line)
	return len(entries)
}
