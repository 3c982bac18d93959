# Facts of real binaries, written by test/policies/record-facts.ts.
package elfgate.recorded.delivery["canary-steps"]

violating := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "route-50-percent.yaml",
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
			"apiVersion": "networking.istio.io/v1",
			"kind": "VirtualService",
			"namespace": "shop",
			"name": "reviews",
			"operation": "update",
			"namespaceLabels": null,
			"review": null,
			"pods": [],
			"traffic": {
				"before": [
					{
						"at": "spec.http[0]",
						"backends": [
							{
								"name": "reviews/v1",
								"percent": 95,
							},
							{
								"name": "reviews/v2",
								"percent": 5,
							},
						],
					},
				],
				"after": [
					{
						"at": "spec.http[0]",
						"backends": [
							{
								"name": "reviews/v1",
								"percent": 50,
							},
							{
								"name": "reviews/v2",
								"percent": 50,
							},
						],
					},
				],
			},
			"sources": [],
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
			"name": "route-20-percent.yaml",
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
			"apiVersion": "networking.istio.io/v1",
			"kind": "VirtualService",
			"namespace": "shop",
			"name": "reviews",
			"operation": "update",
			"namespaceLabels": null,
			"review": null,
			"pods": [],
			"traffic": {
				"before": [
					{
						"at": "spec.http[0]",
						"backends": [
							{
								"name": "reviews/v1",
								"percent": 95,
							},
							{
								"name": "reviews/v2",
								"percent": 5,
							},
						],
					},
				],
				"after": [
					{
						"at": "spec.http[0]",
						"backends": [
							{
								"name": "reviews/v1",
								"percent": 80,
							},
							{
								"name": "reviews/v2",
								"percent": 20,
							},
						],
					},
				],
			},
			"sources": [],
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
			"name": "http-route.yaml",
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
			"apiVersion": "gateway.networking.k8s.io/v1",
			"kind": "HTTPRoute",
			"namespace": "shop",
			"name": "reviews",
			"operation": null,
			"namespaceLabels": null,
			"review": null,
			"pods": [],
			"traffic": {
				"before": null,
				"after": [
					{
						"at": "spec.rules[0]",
						"backends": [
							{
								"name": "reviews-v1",
								"percent": 80,
							},
							{
								"name": "reviews-v2",
								"percent": 20,
							},
						],
					},
				],
			},
			"sources": [],
		},
		"trust": null,
		"problems": [],
	},
]
