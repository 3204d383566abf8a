import type { Result } from '../../core/result.ts';
import { WireReader, wireTypes } from '../../reflection/wire-reader.ts';
import { nameBytesMax, resourcesMax } from './limits.ts';

/**
 * Responses of the aggregated discovery service: `DiscoveryResponse` (state of the world) and `DeltaDiscoveryResponse` of
 * `envoy.service.discovery.v3`. Nothing in them is believed: malformed bytes are an error, and no list is longer than a limit.
 */
export interface DiscoveryResponse {
  readonly typeUrl: string;
  /** `version_info` or `system_version_info`. */
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly WireResource[];
  /** Names of resources that no longer exist; only with delta. */
  readonly removed: readonly string[];
  /** What the control plane calls itself, '' if it does not say. */
  readonly controlPlane: string;
}

/** A resource whose message is not decoded yet. */
export interface WireResource {
  /** Name beside the message: '' in the state of the world, unless the message is wrapped in a `Resource`. */
  readonly name: string;
  /** Version of the resource itself; '' in the state of the world. */
  readonly version: string;
  readonly typeUrl: string;
  /** null for a heartbeat: the resource is as it was. */
  readonly bytes: Buffer | null;
}

/** The wrapper that a control plane may use in the state of the world too. */
const wrapperTypeUrl = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** Reads a `DiscoveryResponse`. */
export function parseSotwResponse(message: Buffer): Result<DiscoveryResponse> {
  return parsed(
    message,
    { version: 1, resources: 2, typeUrl: 4, nonce: 5, controlPlane: 6, removed: 0 },
    unwrapped,
  );
}

/** Reads a `DeltaDiscoveryResponse`. */
export function parseDeltaResponse(message: Buffer): Result<DiscoveryResponse> {
  return parsed(
    message,
    { version: 1, resources: 2, typeUrl: 4, nonce: 5, controlPlane: 7, removed: 6 },
    wrapped,
  );
}

/** Numbers of the fields; 0 for a field that the message does not have. */
interface FieldNumbers {
  readonly version: number;
  readonly resources: number;
  readonly typeUrl: number;
  readonly nonce: number;
  readonly controlPlane: number;
  readonly removed: number;
}

function parsed(
  message: Buffer,
  numbers: FieldNumbers,
  resourceOf: (bytes: Buffer) => WireResource,
): Result<DiscoveryResponse> {
  let [version, typeUrl, nonce, controlPlane] = ['', '', '', ''];
  const resources: WireResource[] = [];
  const removed: string[] = [];
  try {
    readParts(message, (number, bytes) => {
      if (number === numbers.version) version = nameOf(bytes, 'version');
      else if (number === numbers.typeUrl) typeUrl = nameOf(bytes, 'type URL');
      else if (number === numbers.nonce) nonce = nameOf(bytes, 'nonce');
      else if (number === numbers.controlPlane) controlPlane = partOf(bytes, 1).toString('utf8');
      else if (number === numbers.resources) bounded(resources, resourceOf(bytes));
      else if (number === numbers.removed) bounded(removed, nameOf(bytes, 'name of a resource'));
    });
    return { value: { version, typeUrl, nonce, controlPlane, resources, removed } };
  } catch (error) {
    return { error: `the response is invalid: ${(error as Error).message}` };
  }
}

/** `Any` in the state of the world. */
function unwrapped(bytes: Buffer): WireResource {
  const any = anyOf(bytes);
  return any.typeUrl === wrapperTypeUrl ? wrapped(any.bytes) : { name: '', version: '', ...any };
}

/** `Resource`. */
function wrapped(message: Buffer): WireResource {
  let [name, version] = ['', ''];
  let any: { readonly typeUrl: string; readonly bytes: Buffer } | null = null;
  readParts(message, (number, bytes) => {
    if (number === 1) version = nameOf(bytes, 'version of a resource');
    else if (number === 2) any = anyOf(bytes);
    else if (number === 3) name = nameOf(bytes, 'name of a resource');
    // `ResourceName`, which some control planes write in place of the name.
    else if (number === 8 && name === '') name = nameOf(partOf(bytes, 1), 'name of a resource');
  });
  return { name, version, typeUrl: '', bytes: null, ...(any as object | null) };
}

function anyOf(message: Buffer): { readonly typeUrl: string; readonly bytes: Buffer } {
  return { typeUrl: nameOf(partOf(message, 1), 'type URL of a resource'), bytes: partOf(message, 2) };
}

/** The last value with this number, empty for none. */
function partOf(message: Buffer, target: number): Buffer {
  let found: Buffer = Buffer.alloc(0);
  readParts(message, (number, bytes) => {
    if (number === target) found = bytes;
  });
  return found;
}

/** Reads the values that have a length, and keeps none of them: a response may have millions. */
function readParts(message: Buffer, each: (number: number, bytes: Buffer) => void): void {
  const reader = new WireReader(message);
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    if (wireType === wireTypes.bytes) each(number, reader.delimited());
    else reader.skip(number, wireType);
  }
}

function bounded<T>(list: T[], item: T): void {
  if (list.length >= resourcesMax)
    throw new RangeError(
      `it has more than ${resourcesMax} resources (resourcesMax); split the configuration of this node`,
    );
  list.push(item);
}

function nameOf(bytes: Buffer, what: string): string {
  if (bytes.length > nameBytesMax)
    throw new RangeError(
      `the ${what} has ${bytes.length} bytes; at most ${nameBytesMax} are allowed (nameBytesMax)`,
    );
  return bytes.toString('utf8');
}
