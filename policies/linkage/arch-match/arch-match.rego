# METADATA
# title: objects of one process are built for one machine
# description: |
#   Detects a plugin whose machine, word size or byte order differs from its host's, and binaries of a root file system
#   that are built for another machine than the root's C library.
#
#   A loader refuses such an object (`wrong ELF class`, `cannot open shared object file`), and the kernel such a program
#   (`exec format error`), unless an emulator is set up for it.
#
#   Build for the platform of the host or image, or put the files of the right platform into it.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man2/execve.2.html
#     description: execve(2), ENOEXEC
# custom:
#   severity: error
#   facts: [predictions.plugins, root.platform, elf.machine, elf.class, elf.endian]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage["arch-match"]

import data.elfgate.lib

findings contains finding if {
	some pair in input.predictions.plugins
	not pair.sameMachine
	plugin := lib.binary(pair.plugin)
	finding := {
		"path": pair.plugin,
		"message": "plugin and host are built for different machines; the loader will refuse the plugin",
		"evidence": [
			{"at": "ELF header", "label": "plugin", "value": platform(plugin.elf), "path": plugin.path},
			{
				"at": "ELF header",
				"label": "host",
				"value": platform(pair.host),
				"path": pair.host.path,
				"target": pair.host.target,
			},
		],
		"help": "GOOS=linux GOARCH=… CGO_ENABLED=1 CC=… go build -buildmode=plugin …   (with the host's GOARCH)",
	}
}

findings contains finding if {
	input.root.platform != null
	some candidate in loadable
	differs(candidate.elf, input.root.platform)
	finding := {
		"path": candidate.path,
		"message": sprintf("built for %s in a root for %s; it runs only under an emulator", [
			platform(candidate.elf),
			platform(input.root.platform),
		]),
		"severity": "warning",
		"evidence": [
			{"at": "ELF header", "label": "binary", "value": platform(candidate.elf)},
			{
				"at": "ELF header",
				"label": "root",
				"value": platform(input.root.platform),
				"path": input.root.platform.from,
			},
		],
		"help": null,
	}
}

findings contains lib.unknown(".", "the root holds no C library that shows its platform") if {
	lib.has_root
	input.root.platform == null
	count(machines) > 1
}

# A list, as whole binaries are costly to keep in a set.
loadable := [candidate |
	some candidate in input.binaries
	candidate.format == "elf"
	candidate.elf.type in ["exec", "dyn"]
]

machines contains platform(candidate.elf) if some candidate in loadable

differs(elf, other) if elf.machine != other.machine

differs(elf, other) if elf.class != other.class

differs(elf, other) if elf.endian != other.endian

platform(elf) := sprintf("%s (%d-bit, %s-endian)", [elf.machine, elf.class, elf.endian])
