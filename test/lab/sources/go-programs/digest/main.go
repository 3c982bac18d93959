// Hashes with whichever cryptographic module it was built with.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
)

func main() {
	sum := sha256.Sum256([]byte("hello"))
	os.Stdout.WriteString(hex.EncodeToString(sum[:]) + "\n")
}
