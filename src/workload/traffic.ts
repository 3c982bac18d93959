import { elementsOf, fieldsOf, numberOf, textOf, valueAt } from './fields.ts';
import { kindOf } from './pod-templates.ts';

/** How one route shares its requests among backends. */
export interface TrafficRoute {
  /** Path in the object: `spec.http[0]`. */
  readonly at: string;
  readonly backends: readonly TrafficShare[];
}

export interface TrafficShare {
  /** `reviews/v2`: host or service, and the subset where there is one. */
  readonly name: string;
  readonly percent: number;
}

/** The routes of an Istio VirtualService or a Gateway API HTTPRoute; null for other kinds. */
export function trafficRoutesOf(object: unknown): readonly TrafficRoute[] | null {
  switch (kindOf(object)) {
    case 'VirtualService.networking.istio.io':
      return ['http', 'tls', 'tcp'].flatMap((protocol) =>
        elementsOf(valueAt(object, `spec.${protocol}`)).map((route, index) =>
          // Istio's reference, HTTPRouteDestination: a single destination without a weight takes everything.
          routeOf(`spec.${protocol}[${index}]`, elementsOf(fieldsOf(route).route), istioName, 0),
        ),
      );
    case 'HTTPRoute.gateway.networking.k8s.io':
      return elementsOf(valueAt(object, 'spec.rules')).map((rule, index) =>
        // Gateway API's reference, BackendRef: the weight defaults to 1.
        routeOf(`spec.rules[${index}]`, elementsOf(fieldsOf(rule).backendRefs), gatewayName, 1),
      );
    default:
      return null;
  }
}

function routeOf(
  at: string,
  destinations: readonly unknown[],
  nameOf: (destination: unknown) => string,
  weightByDefault: number,
): TrafficRoute {
  const weights = new Map<string, number>();
  for (const destination of destinations) {
    const weight = destinations.length === 1 ? 1 : (numberOf(fieldsOf(destination).weight) ?? weightByDefault);
    const name = nameOf(destination);
    weights.set(name, (weights.get(name) ?? 0) + Math.max(0, weight));
  }
  const all = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return {
    at,
    backends: [...weights].map(([name, weight]) => ({
      name,
      percent: all === 0 ? 0 : Math.round((weight / all) * 10_000) / 100,
    })),
  };
}

function istioName(destination: unknown): string {
  const { host, subset } = fieldsOf(fieldsOf(destination).destination);
  return [textOf(host) ?? '', textOf(subset)].filter((part) => part !== null).join('/');
}

function gatewayName(backend: unknown): string {
  return textOf(fieldsOf(backend).name) ?? '';
}
