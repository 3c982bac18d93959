// Package dep stands for a third party's module.
package dep

// Mark is new in version 1.1.0: other export data, so another link hash.
var Mark = "*"

// Decorate puts the text between two marks.
func Decorate(text string) string {
	return Mark + text + Mark
}
