// Package shared is what a host and its plugins agree on.
package shared

// Greeting is passed between the host and its plugins.
type Greeting struct {
	Name string
	Text string
}

// String makes one line of it.
func (g Greeting) String() string {
	return g.Text + ", " + g.Name
}
