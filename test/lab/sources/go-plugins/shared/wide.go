//go:build wide_shared

package shared

// Wide changes the package's export data, and so its link hash.
func Wide() int {
	return 64
}
