# METADATA
# title: the host can load plugins
# description: |
#   Detects a host whose plugin.Open cannot work, whatever plugin it is given: built without cgo, linked statically,
#   without package plugin, or no Go program at all.
#
#   Without cgo every call returns `plugin: not implemented`. In a static program the first call ends the process with
#   `fatal error: runtime: no plugin module data`.
#
#   Build the host with CGO_ENABLED=1 and without `-extldflags -static`.
# related_resources:
#   - ref: https://pkg.go.dev/plugin
#     description: package plugin
#   - ref: https://github.com/golang/go/issues/19569
#     description: plugin.Open and static binaries
# custom:
#   severity: error
#   facts: [go.importsPlugin, go.cgo, elf.interpreter]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin["host-can-load"]

import data.elfgate.lib

findings contains finding if {
	some asked in hosts
	finding := problem(lib.binary(asked.path))
}

findings contains lib.unknown(asked.path, "the functions of the host cannot be read") if {
	some asked in hosts
	host := lib.binary(asked.path)
	host.go.importsPlugin == null
	host.elf.interpreter != null
}

# Many programs link package plugin and never open one, and a C program may open C plugins: only those are judged that
# somebody calls a host of Go plugins.
hosts contains asked if {
	some asked in input.predictions.hosts
	asked.plugins > 0
}

hosts contains asked if {
	some asked in input.predictions.hosts
	asked.given
	lib.binary(asked.path).go != null
}

# The first cause is the one to mend: the others mean nothing while it stands.
problem(host) := result if {
	host.go == null
	result := {
		"path": host.path,
		"message": "host is not a Go program, so that it has no plugin.Open; a Go plugin in it has no runtime to join",
		"evidence": [{"at": "ELF header", "label": "host", "value": host.elf.machine}],
		"help": "name the Go program that opens the plugin with --host",
	}
} else := result if {
	host.go.importsPlugin == false
	result := {
		"path": host.path,
		"message": "host does not import package plugin; the linker has not exported what a plugin needs",
		"evidence": [{"at": ".gopclntab", "label": "host", "value": "no function plugin.Open"}],
		"help": "name the program that opens the plugin with --host",
	}
} else := result if {
	host.go.cgo == false
	result := {
		"path": host.path,
		"message": "host was built without cgo; plugin.Open returns \"plugin: not implemented\"",
		"evidence": array.concat(
			[{"at": ".gopclntab", "label": "host", "value": "no function _cgo_topofstack"}],
			setting(host, "CGO_ENABLED"),
		),
		"help": "CGO_ENABLED=1 go build …",
	}
} else := result if {
	host.go != null
	host.elf.interpreter == null
	host.elf.type != "rel"
	host.elf.program
	result := {
		"path": host.path,
		"message": "host is linked statically; the first plugin.Open will kill it",
		"evidence": array.concat(
			[{"at": "program headers", "label": "host", "value": "no PT_INTERP"}],
			setting(host, "-ldflags"),
		),
		"notes": ["outcome: fatal error: runtime: no plugin module data (recover() cannot catch it)"],
		"help": "CGO_ENABLED=1 go build …   (without -extldflags -static)",
	}
}

setting(host, name) := [{"at": host.go.versionAt, "label": "host", "value": sprintf("%s=%s", [name, value])}] if {
	value := host.go.settings[name]
} else := []
