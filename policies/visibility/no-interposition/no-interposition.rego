# METADATA
# title: objects of one process do not define the same symbol
# description: |
#   Detects a strong symbol that several objects of one scope define, where somebody gets another definition than its
#   own or that of the library it needs: the first in the scope wins. Plugins of a Go host share one scope, because
#   plugin.Open uses RTLD_GLOBAL; names that Go's toolchain exports are shared by design.
#
#   Nothing fails: one plugin silently calls the code, or uses the data, of the other.
#
#   Compile with `-fvisibility=hidden`, make the names `static` or unlike, or link with `-Wl,-Bsymbolic-functions`.
# related_resources:
#   - ref: https://github.com/golang/go/issues/42854
#     description: "Go issue 42854: two plugins with the same C symbol"
#   - ref: https://man7.org/linux/man-pages/man3/dlopen.3.html
#     description: dlopen(3), RTLD_GLOBAL
# custom:
#   severity: warning
#   facts: [predictions.interposed]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.visibility["no-interposition"]

import data.elfgate.lib

pairs contains {"winner": interposed.winner, "loser": loser.path} if {
	some interposed in input.predictions.interposed
	some loser in interposed.shadowed
	loser.binds
}

findings contains finding if {
	some pair in pairs
	symbols := sort({interposed.symbol |
		some interposed in input.predictions.interposed
		interposed.winner == pair.winner
		some loser in interposed.shadowed
		loser.path == pair.loser
		loser.binds
	})
	finding := {
		"path": pair.loser,
		"message": sprintf("its %s is that of %s once both are in one scope; what it calls is the other object's", [
			lib.summary(symbols, 3),
			pair.winner,
		]),
		"severity": severity(pair),
		"evidence": [{"at": ".dynsym", "label": "defined by both, bound to the other", "value": symbol} |
			some symbol in array.slice(symbols, 0, 8)
		],
		"notes": lib.rest(count(symbols), 8),
		"help": "CGO_CFLAGS=-fvisibility=hidden, or rename: what only this object uses should not be exported",
	}
}

# A library that an object needs is passed over for what another object exports, such as a zlib that is linked into it.
findings contains finding if {
	some group in {{"user": user, "winner": interposed.winner, "loser": loser.path} |
		some interposed in input.predictions.interposed
		some loser in interposed.shadowed
		some user in loser.users
	}
	symbols := sort({interposed.symbol |
		some interposed in input.predictions.interposed
		interposed.winner == group.winner
		some loser in interposed.shadowed
		loser.path == group.loser
		group.user in loser.users
	})
	finding := {
		"path": group.user,
		"message": sprintf("its %s is that of %s once all are in one scope, and not that of %s, which it needs", [
			lib.summary(symbols, 3),
			group.winner,
			group.loser,
		]),
		"evidence": [{"at": ".dynsym", "label": "looked up", "value": symbol} | some symbol in array.slice(symbols, 0, 8)],
		"notes": lib.rest(count(symbols), 8),
		"help": sprintf("link %s with -Wl,--exclude-libs,ALL or -fvisibility=hidden: what only it uses should not be exported", [
			group.winner,
		]),
	}
}

# Plugins of a host always meet in the global scope; other libraries only where somebody opens them with RTLD_GLOBAL.
severity(pair) := "error" if {
	lib.binary(pair.loser).role == "plugin"
} else := "warning"
