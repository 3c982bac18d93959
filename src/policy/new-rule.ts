/**
 * The files of a rule to start from, by name: it compiles as it is, its METADATA says what belongs there, and its test
 * shows a case that violates it, one that does not, and one where the fact is not known.
 *
 * @param id `FAMILY/NAME`.
 */
export function newRule(id: string): Readonly<Record<string, string>> {
  const [family = '', name = ''] = id.split('/');
  const path = `elfgate.rules${segment(family)}${segment(name)}`;
  return {
    [`${name}.rego`]: `# METADATA
# title: binaries state a build id
# description: |
#   Detects binaries without a build id. (What it detects.)
#
#   Without it, a crash cannot be matched with the debug information of its build. (Why that matters.)
#
#   Link with \`-Wl,--build-id\`. (How to mend it, as a command where there is one.)
# custom:
#   severity: warning
#   facts: [elf.buildId]
#   sets: [recommended, strict, marketplace]
#   params:
#     except:
#       description: patterns of paths that need none (* stands for any characters)
#       type: array
#       items:
#         type: string
#       default: []
package ${path}

import data.elfgate.lib

except := data.elfgate.parameters${segment(family)}${segment(name)}.except

findings contains finding if {
	some candidate in input.binaries
	candidate.elf != null
	candidate.elf.buildId == null
	not excepted(candidate.path)
	finding := {
		"path": candidate.path,
		"message": "states no build id; a crash cannot be matched with its debug information",
		"evidence": [{"at": "PT_NOTE", "label": "build id", "value": "none"}],
		"help": "cc -Wl,--build-id …",
	}
}

findings contains lib.unknown(candidate.path, "it is no ELF file, and what stands in for a build id is not known") if {
	some candidate in input.binaries
	candidate.elf == null
}

excepted(path) if {
	some pattern in except
	glob.match(pattern, [], path)
}
`,
    [`${name}_test.rego`]: `package elfgate.rules${segment(family)}${segment(`${name}_test`)}

import data.${path} as rule

found(binary) := findings if {
	findings := rule.findings with input as {"binaries": [binary]}
}

test_a_binary_without_build_id_is_found if {
	some finding in found({"path": "bin/a", "elf": {"buildId": null}})
	finding.message == "states no build id; a crash cannot be matched with its debug information"
}

test_a_binary_with_build_id_is_fine if {
	count(found({"path": "bin/a", "elf": {"buildId": "00ff"}})) == 0
}

test_a_path_can_be_excepted if {
	findings := found({"path": "bin/a", "elf": {"buildId": null}}) with data.elfgate.parameters${segment(family)}${segment(name)}.except as ["bin/*"]
	count(findings) == 0
}

test_what_is_no_elf_file_cannot_be_judged if {
	some finding in found({"path": "a.wasm", "elf": null})
	finding.severity == "info"
}
`,
  };
}

/** A key behind a reference: with a dot where Rego allows it, as its formatter writes it. */
function segment(key: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(key) ? `.${key}` : `["${key}"]`;
}
