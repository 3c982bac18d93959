//go:build wide_ledger

package ledger

// Total changes the package's export data, and so its link hash.
func Total() int {
	return len(entries)
}
