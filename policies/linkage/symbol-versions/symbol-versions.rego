# METADATA
# title: libraries have the symbol versions that objects ask for
# description: |
#   Detects an object that asks for a symbol version (DT_VERNEED) which the library of that name does not define
#   (DT_VERDEF): in the root, or among the files that were named together.
#
#   glibc compares versions before any symbol: ``version `GLIBC_2.38' not found``, and the program does not start or
#   dlopen fails.
#
#   Build on a release that is as old as the one it runs on, or update the library.
# related_resources:
#   - ref: https://www.akkadia.org/drepper/symbol-versioning
#     description: ELF symbol versioning
# custom:
#   severity: error
#   facts: [predictions.linkage]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage["symbol-versions"]

import data.elfgate.lib

findings contains finding if {
	some object in input.predictions.linkage
	some library in {version.library | some version in object.versions}
	versions := [version | some version in object.versions; version.library == library]
	finding := {
		"path": object.path,
		"message": sprintf("%s lacks %s; %s", [
			provider(versions[0]),
			lib.summary(sort({version.version | some version in versions}), 3),
			consequence(object),
		]),
		"evidence": [
		{
			"at": ".gnu.version_r",
			"label": sprintf("%s wants", [version.neededBy]),
			"value": sprintf("%s of %s", [version.version, library]),
		} |
			some version in array.slice(versions, 0, 8)
		],
		"help": sprintf("build it against the oldest %s that it runs with, or update that library", [library]),
	}
}

findings contains lib.unknown(object.path, object.undecided) if {
	some object in input.predictions.linkage
	object.undecided != null
}

provider(version) := version.library if version.provider == null

provider(version) := version.provider if version.provider != null

consequence(object) := "the loader stops the program" if {
	object.program
} else := "loading the library fails"
