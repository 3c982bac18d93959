// A plugin that lacks the function which its host looks up.
package main

// Version is looked up by the host.
var Version = "1.0.0"

func main() {}
