import type { Json, JsonObject } from '../../reflection/json.ts';
import { wireTypes } from '../../reflection/wire-reader.ts';
import { WireWriter } from '../../reflection/wire-writer.ts';
import type { NodeIdentity } from './interface.ts';

/**
 * Requests of the aggregated discovery service as bytes: `DiscoveryRequest` (state of the world) and `DeltaDiscoveryRequest` of
 * `envoy.service.discovery.v3`. A value that is '' or empty is not sent, as proto3 has it.
 */

/** `INVALID_ARGUMENT` of `google.rpc.Code`: what Envoy and gRPC send with a NACK. */
const invalidArgument = 3;

export interface SotwRequest {
  /** A node that `encodeNode` made; only the first request of a stream has one. */
  readonly node: Buffer | null;
  readonly typeUrl: string;
  readonly names: readonly string[];
  /** Version that was accepted last. */
  readonly version: string;
  readonly nonce: string;
  /** Reason of a NACK, '' for none. */
  readonly reason: string;
}

export function encodeSotwRequest(request: SotwRequest): Buffer {
  const writer = new WireWriter();
  text(writer, 1, request.version);
  if (request.node !== null) part(writer, 2, request.node);
  for (const name of request.names) part(writer, 3, Buffer.from(name));
  text(writer, 4, request.typeUrl);
  text(writer, 5, request.nonce);
  if (request.reason !== '') part(writer, 6, encodeStatus(request.reason));
  return writer.finish();
}

export interface DeltaRequest {
  readonly node: Buffer | null;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Versions of the resources that are held, in the first request for a type on a stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly reason: string;
}

export function encodeDeltaRequest(request: DeltaRequest): Buffer {
  const writer = new WireWriter();
  if (request.node !== null) part(writer, 1, request.node);
  text(writer, 2, request.typeUrl);
  for (const name of request.subscribe) part(writer, 3, Buffer.from(name));
  for (const name of request.unsubscribe) part(writer, 4, Buffer.from(name));
  for (const [name, version] of request.initialVersions) {
    const entry = new WireWriter();
    part(entry, 1, Buffer.from(name));
    part(entry, 2, Buffer.from(version));
    part(writer, 5, entry.finish());
  }
  text(writer, 6, request.nonce);
  if (request.reason !== '') part(writer, 7, encodeStatus(request.reason));
  return writer.finish();
}

/** Says that this client unpacks a `Resource` in the state of the world, in the words of Envoy's list of client features. */
const clientFeature = 'xds.config.resource-in-sotw';

/** Encodes `envoy.config.core.v3.Node`. `version` is that of Outrigger. */
export function encodeNode(node: NodeIdentity, version: string): Buffer {
  const writer = new WireWriter();
  text(writer, 1, node.id);
  text(writer, 2, node.cluster);
  if (Object.keys(node.metadata).length > 0) part(writer, 3, encodeStruct(node.metadata));
  const locality = new WireWriter();
  text(locality, 1, node.locality.region);
  text(locality, 2, node.locality.zone);
  text(locality, 3, node.locality.subZone);
  const localityBytes = locality.finish();
  if (localityBytes.length > 0) part(writer, 4, localityBytes);
  text(writer, 6, 'outrigger');
  text(writer, 7, version);
  text(writer, 10, clientFeature);
  return writer.finish();
}

/** `google.protobuf.Struct`. */
function encodeStruct(object: JsonObject): Buffer {
  const writer = new WireWriter();
  for (const [name, value] of Object.entries(object)) {
    const entry = new WireWriter();
    part(entry, 1, Buffer.from(name));
    part(entry, 2, encodeValue(value));
    part(writer, 1, entry.finish());
  }
  return writer.finish();
}

/** `google.protobuf.Value`: one of its alternatives is always written, also where it is 0, '' or false. */
function encodeValue(value: Json): Buffer {
  const writer = new WireWriter();
  if (value === null) return writer.tag(1, wireTypes.varint).varint(0).finish();
  if (typeof value === 'boolean')
    return writer
      .tag(4, wireTypes.varint)
      .varint(value ? 1 : 0)
      .finish();
  if (typeof value === 'number') {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(value);
    return writer.tag(2, wireTypes.fixed64).raw(double).finish();
  }
  if (typeof value === 'string') part(writer, 3, Buffer.from(value));
  else if (Array.isArray(value)) {
    const list = new WireWriter();
    for (const item of value as readonly Json[]) part(list, 1, encodeValue(item));
    part(writer, 6, list.finish());
  } else part(writer, 5, encodeStruct(value as JsonObject));
  return writer.finish();
}

/** `google.rpc.Status`. */
function encodeStatus(message: string): Buffer {
  const writer = new WireWriter().tag(1, wireTypes.varint).varint(invalidArgument);
  text(writer, 2, message);
  return writer.finish();
}

function text(writer: WireWriter, number: number, value: string): void {
  if (value !== '') part(writer, number, Buffer.from(value));
}

function part(writer: WireWriter, number: number, bytes: Buffer): void {
  writer.tag(number, wireTypes.bytes).delimited(bytes);
}
