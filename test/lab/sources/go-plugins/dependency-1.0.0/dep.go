// Package dep stands for a third party's module.
package dep

// Decorate puts the text between two marks.
func Decorate(text string) string {
	return "<" + text + ">"
}
