// Command custom-resources collects the definitions of custom resources from the modules of the projects that define them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

var definitions = []struct {
	module string
	files  []string
}{
	{"github.com/cert-manager/cert-manager", []string{
		"deploy/crds/cert-manager.io_certificates.yaml",
		"deploy/crds/cert-manager.io_issuers.yaml",
	}},
	{"github.com/prometheus-operator/prometheus-operator", []string{
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
	}},
}

func main() {
	var all bytes.Buffer
	for _, from := range definitions {
		for _, file := range from.files {
			text, err := os.ReadFile(filepath.Join(directory(from.module), file))
			check(err)
			fmt.Fprintf(&all, "---\n%s\n", bytes.TrimPrefix(text, []byte("---\n")))
		}
	}
	check(os.WriteFile(os.Args[1], all.Bytes(), 0o644))
}

// directory is where a module of go.mod lies, which is downloaded and compared with go.sum.
func directory(module string) string {
	download := exec.Command("go", "mod", "download", "-json", module)
	download.Stderr = os.Stderr
	output, err := download.Output()
	check(err)
	var downloaded struct{ Dir string }
	check(json.Unmarshal(output, &downloaded))
	return downloaded.Dir
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
