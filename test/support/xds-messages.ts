import { RawMessage } from '../../src/reflection/raw-message.ts';
import { wireTypes } from '../../src/reflection/wire-reader.ts';
import { WireWriter } from '../../src/reflection/wire-writer.ts';

/** The messages of a control plane, written and read independently of the client: responses as bytes, requests as values. */

export interface SentResource {
  readonly name: string;
  /** Name in the message, if it is another one. */
  readonly inner?: string;
  readonly version?: string;
  /** Contents of the resource, or its message; null for a heartbeat. */
  readonly body: string | Buffer | null;
  /** Another type than that of the response. */
  readonly typeUrl?: string;
}

export interface SentResponse {
  readonly typeUrl: string;
  readonly version?: string;
  readonly nonce: string;
  readonly resources: readonly SentResource[];
  readonly removed?: readonly string[];
}

/** A resource of these tests has its name in field 1, as listeners and clusters do, and its contents in field 2. */
export function resourceBytes({ name, inner = name, body }: SentResource): Buffer {
  if (Buffer.isBuffer(body)) return body;
  const writer = new WireWriter();
  text(writer, 1, inner);
  text(writer, 2, body ?? '');
  return writer.finish();
}

export function sotwResponse(response: SentResponse): Buffer {
  return sotw(response, (resource) => any(resource.typeUrl ?? response.typeUrl, resourceBytes(resource)));
}

export function wrappedSotwResponse(response: SentResponse): Buffer {
  const wrapperUrl = 'type.googleapis.com/envoy.service.discovery.v3.Resource';
  return sotw(response, (resource) => any(wrapperUrl, wrapper(response.typeUrl, resource)));
}

function sotw(response: SentResponse, pack: (resource: SentResource) => Buffer): Buffer {
  const writer = new WireWriter();
  text(writer, 1, response.version ?? '');
  for (const resource of response.resources) part(writer, 2, pack(resource));
  text(writer, 4, response.typeUrl);
  text(writer, 5, response.nonce);
  const controlPlane = new WireWriter();
  text(controlPlane, 1, 'test');
  part(writer, 6, controlPlane.finish());
  return writer.finish();
}

export function deltaResponse(response: SentResponse): Buffer {
  const writer = new WireWriter();
  text(writer, 1, response.version ?? '');
  for (const resource of response.resources) part(writer, 2, wrapper(response.typeUrl, resource));
  text(writer, 4, response.typeUrl);
  text(writer, 5, response.nonce);
  for (const name of response.removed ?? []) part(writer, 6, Buffer.from(name));
  return writer.finish();
}

function wrapper(typeUrl: string, resource: SentResource): Buffer {
  const writer = new WireWriter();
  text(writer, 1, resource.version ?? '');
  if (resource.body !== null) part(writer, 2, any(resource.typeUrl ?? typeUrl, resourceBytes(resource)));
  text(writer, 3, resource.name);
  return writer.finish();
}

function any(typeUrl: string, bytes: Buffer): Buffer {
  const writer = new WireWriter();
  text(writer, 1, typeUrl);
  part(writer, 2, bytes);
  return writer.finish();
}

export interface ReceivedRequest {
  readonly typeUrl: string;
  /** `resource_names`, or `resource_names_subscribe` with delta. */
  readonly names: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly version: string;
  readonly nonce: string;
  /** Reason of a NACK, '' for none. */
  readonly reason: string;
  readonly initialVersions: Readonly<Record<string, string>>;
  readonly node: RawMessage | null;
}

export function readSotwRequest(bytes: Buffer): ReceivedRequest {
  const message = new RawMessage(bytes);
  return {
    typeUrl: message.text(4),
    names: message.texts(3),
    unsubscribe: [],
    version: message.text(1),
    nonce: message.text(5),
    reason: reasonOf(message, 6),
    initialVersions: {},
    node: nodeOf(message, 2),
  };
}

export function readDeltaRequest(bytes: Buffer): ReceivedRequest {
  const message = new RawMessage(bytes);
  const entries = message.parts(5).map((entry) => new RawMessage(entry));
  return {
    typeUrl: message.text(2),
    names: message.texts(3),
    unsubscribe: message.texts(4),
    version: '',
    nonce: message.text(6),
    reason: reasonOf(message, 7),
    initialVersions: Object.fromEntries(entries.map((entry) => [entry.text(1), entry.text(2)])),
    node: nodeOf(message, 1),
  };
}

function reasonOf(message: RawMessage, number: number): string {
  const [status] = message.parts(number);
  return status === undefined ? '' : new RawMessage(status).text(2);
}

function nodeOf(message: RawMessage, number: number): RawMessage | null {
  const [node] = message.parts(number);
  return node === undefined ? null : new RawMessage(node);
}

function text(writer: WireWriter, number: number, value: string): void {
  if (value !== '') part(writer, number, Buffer.from(value));
}

function part(writer: WireWriter, number: number, bytes: Buffer): void {
  writer.tag(number, wireTypes.bytes).delimited(bytes);
}
