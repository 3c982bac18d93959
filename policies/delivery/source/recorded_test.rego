# Facts of real binaries, written by test/policies/record-facts.ts.
package elfgate.recorded.delivery.source

violating := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "helm-release-range.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
			"hiddenReferences": [],
			"secondRuntimes": [],
			"mixtures": [],
		},
		"workload": {
			"apiVersion": "helm.toolkit.fluxcd.io/v2",
			"kind": "HelmRelease",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [],
			"traffic": null,
			"sources": [
				{
					"at": "spec.chart.spec",
					"kind": "chart",
					"reference": "gateway",
					"revision": "1.x",
					"pinned": false,
					"verified": false,
				},
			],
		},
		"trust": null,
		"problems": [],
	},
]

passing := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "helm-release-pinned.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
			"hiddenReferences": [],
			"secondRuntimes": [],
			"mixtures": [],
		},
		"workload": {
			"apiVersion": "helm.toolkit.fluxcd.io/v2",
			"kind": "HelmRelease",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [],
			"traffic": null,
			"sources": [
				{
					"at": "spec.chart.spec",
					"kind": "chart",
					"reference": "gateway",
					"revision": "1.4.2",
					"pinned": true,
					"verified": true,
				},
			],
		},
		"trust": null,
		"problems": [],
	},
]

unknown := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "helm-release-by-reference.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
			"hiddenReferences": [],
			"secondRuntimes": [],
			"mixtures": [],
		},
		"workload": {
			"apiVersion": "helm.toolkit.fluxcd.io/v2",
			"kind": "HelmRelease",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [],
			"traffic": null,
			"sources": [
				{
					"at": "spec.chartRef",
					"kind": "chart",
					"reference": "OCIRepository/gateway",
					"revision": null,
					"pinned": null,
					"verified": null,
				},
			],
		},
		"trust": null,
		"problems": [],
	},
]
