import { readFileSync, statSync } from 'node:fs';
import { loadAll, YAMLException } from 'js-yaml';
import { ElfgateError } from '../errors.ts';
import { inspectImages } from '../facts/inspect-image.ts';
import type { ImageAccess, InspectOptions } from '../facts/inspected-target.ts';
import type { FactsDocument } from '../facts/schema.ts';
import { isDigest } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { limits } from '../limits.ts';
import { elementsOf, fieldsOf, textOf, textsOf, valueAt } from '../workload/fields.ts';
import { podTemplatesOf } from '../workload/pod-templates.ts';
import type { InspectedImage } from './image-facts.ts';
import { nodeDemands } from './node-profiles.ts';
import { documentOfWorkload, documentsOfPod, imagesOf } from './workload-documents.ts';

/**
 * Inspects the objects of a Kubernetes manifest: each object itself, and every image of its pods, those seen together
 * that meet in one process. A plugin host is in the image of a container, its plugins may be in an image volume.
 *
 * @throws ElfgateError `unreadable` or `malformed` for the manifest, and what reading an image throws.
 */
export async function inspectManifest(
  file: string,
  options: InspectOptions,
  access: ImageAccess,
): Promise<readonly FactsDocument[]> {
  const documents: FactsDocument[] = [];
  const known = new Map<string, InspectedImage>();
  const objects = objectsOf(file);
  for (const object of objects) {
    const name = `${file}: ${nameOf(object)}`;
    const templates = within(name, () => podTemplatesOf(object));
    for (const image of imagesOf(templates)) {
      if (!known.has(image)) {
        known.set(image, await inspectAs(image, name, options, access));
      }
    }
    documents.push(
      documentOfWorkload(
        {
          object,
          before: null,
          operation: null,
          request: null,
          namespaceLabels: labelsOfNamespace(object, objects),
          name,
          templates,
          templatePaths: {},
          images: known,
        },
        'stated',
      ),
    );
    for (const { spec } of templates) {
      const { architectures } = nodeDemands(spec.nodeSelector, []);
      documents.push(...(await documentsOfPod(spec, known, architectures)));
    }
  }
  // Two pods may share an image, start it alike, and meet the same others with it.
  return [...new Map(documents.map((document) => [keyOf(document), document])).values()];
}

/**
 * The objects of a manifest alone, without their images: nothing is fetched. What an AdmissionReview holds is taken as it
 * was asked.
 *
 * @throws ElfgateError as {@link inspectManifest}.
 */
export function inspectObjects(file: string): readonly FactsDocument[] {
  const found = objectsOf(file).map((written) => {
    const request = fieldsOf(written).kind === 'AdmissionReview' ? fieldsOf(fieldsOf(written).request) : null;
    const [object, before] =
      request === null ? [written, null] : [request.object ?? request.oldObject, request.oldObject];
    if (textOf(fieldsOf(object).kind) === null) {
      throw new ElfgateError('malformed', `${file}: holds an AdmissionReview without an object`);
    }
    return { object, before: before ?? null, request };
  });
  const objects = found.map(({ object }) => object);
  return found.map(({ object, before, request }) => {
    const name = `${file}: ${nameOf(object)}`;
    return documentOfWorkload(
      {
        object,
        before,
        operation: operationOf(request),
        request,
        namespaceLabels: labelsOfNamespace(object, objects),
        name,
        templates: within(name, () => podTemplatesOf(object)),
        templatePaths: {},
        images: new Map(),
      },
      'stated',
    );
  });
}

function operationOf(request: object | null): 'create' | 'update' | null {
  switch (fieldsOf(request).operation) {
    case 'CREATE':
      return 'create';
    case 'UPDATE':
      return 'update';
    default:
      return null;
  }
}

/** Of the namespace that an object is in, where the same manifest describes it. */
function labelsOfNamespace(object: unknown, objects: readonly unknown[]): Readonly<Record<string, string>> | null {
  const name = textOf(valueAt(object, 'metadata.namespace'));
  const namespace = objects.find(
    (other) =>
      name !== null &&
      fieldsOf(other).apiVersion === 'v1' &&
      fieldsOf(other).kind === 'Namespace' &&
      valueAt(other, 'metadata.name') === name,
  );
  return namespace === undefined ? null : textsOf(valueAt(namespace, 'metadata.labels'));
}

async function inspectAs(
  image: string,
  object: string,
  options: InspectOptions,
  access: ImageAccess,
): Promise<InspectedImage> {
  const reference = within(object, () => parseReference(image));
  const platforms = await inspectImages({ name: image, role: null }, { kind: 'registry', reference }, options, access);
  const [first] = platforms;
  const digest = first?.image?.indexDigest ?? first?.digest;
  if (!isDigest(digest)) {
    throw new ElfgateError('not-found', `${image}: holds no image for any platform`);
  }
  return {
    digest,
    platforms: platforms.map(({ name: _name, role: _role, ...contents }) => ({
      architecture: contents.meeting.platform?.split('/')[1] ?? 'unknown',
      contents,
    })),
  };
}

/** Runs work whose errors say nothing of the object that they come from. */
function within<Result>(object: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof ElfgateError) {
      const { hint } = error;
      throw new ElfgateError(error.code, `${object}: ${error.message}`, {
        ...(hint === null ? {} : { hint }),
        cause: error,
      });
    }
    throw error;
  }
}

/** Objects of all YAML documents of a file, those in lists one by one. */
function objectsOf(file: string): readonly unknown[] {
  let text: string;
  try {
    if (statSync(file).size > limits.manifestFileBytes) {
      throw new ElfgateError('limit', `${file}: has more than ${limits.manifestFileBytes} bytes`);
    }
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ElfgateError) {
      throw cause;
    }
    throw new ElfgateError('unreadable', `${file}: the manifest cannot be read`, { hint: 'check the path', cause });
  }
  let documents: readonly unknown[];
  try {
    documents = loadAll(text);
  } catch (cause) {
    if (!(cause instanceof YAMLException)) {
      throw cause;
    }
    throw new ElfgateError('malformed', `${file}: is no YAML: ${cause.message.split('\n')[0]}`, { cause });
  }
  const objects = documents.flatMap((document) => {
    const { kind, items } = fieldsOf(document);
    return textOf(kind)?.endsWith('List') === true && Array.isArray(items) ? elementsOf(items) : [document];
  });
  const described = objects.filter((object) => textOf(fieldsOf(object).kind) !== null);
  if (described.length === 0) {
    throw new ElfgateError('unsupported-format', `${file}: holds no object of Kubernetes`, {
      hint: 'an object has apiVersion and kind',
    });
  }
  return described;
}

/** `Deployment shop/gateway` */
function nameOf(object: unknown): string {
  const namespace = textOf(valueAt(object, 'metadata.namespace'));
  const name = textOf(valueAt(object, 'metadata.name')) ?? textOf(valueAt(object, 'metadata.generateName')) ?? '';
  return `${textOf(fieldsOf(object).kind)} ${namespace === null ? name : `${namespace}/${name}`}`;
}

function keyOf({ subject, launch, predictions }: FactsDocument): string {
  return JSON.stringify([subject, launch, predictions]);
}
