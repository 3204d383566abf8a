import { createHash } from 'node:crypto';
import { constantField, Field, FieldKind } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';

/**
 * The head of a WebSocket handshake, which is routed and changed in the form that HTTP/1.1 gives it, a GET. Over HTTP/2 it is
 * an extended CONNECT (RFC 8441 section 5) without a key, whose place is taken by the frame that carries it.
 */

const protocolKind = 1 << FieldKind.Protocol;
const key = 'sec-websocket-key';
const accept = 'sec-websocket-accept';
const get = constantField(':method', 'GET');
const connect = constantField(':method', 'CONNECT');
const webSocket = constantField(':protocol', 'websocket');
const opened = constantField(':status', '101');
const status200 = constantField(':status', '200');

/** Is it a request for a WebSocket over HTTP/2? */
export function isWebSocketConnect(head: HeaderBlock): boolean {
  return head.hasAny(protocolKind) && head.ofKind(FieldKind.Protocol)!.toLowerCase() === 'websocket';
}

/** The handshake that an extended CONNECT stands for, without a key. */
export function handshakeOfConnect(head: HeaderBlock): HeaderBlock {
  const fields = head.allFields.filter(({ kind, name }) => kind !== FieldKind.Protocol && name !== key);
  return new HeaderBlock(fields.map((field) => (field.kind === FieldKind.Method ? get : field)));
}

/** The extended CONNECT that stands for a handshake. */
export function connectOfHandshake(head: HeaderBlock): HeaderBlock {
  const fields = head.allFields.filter(({ name }) => name !== key);
  const method = fields.findIndex(({ kind }) => kind === FieldKind.Method);
  fields.splice(method, 1, connect, webSocket);
  return new HeaderBlock(fields);
}

/** The head of a 101 for the reply of an HTTP/2 endpoint that opened a WebSocket, with the answer to `clientKey`, '' for none. */
export function switchingOfConnectReply(head: HeaderBlock, clientKey: string): HeaderBlock {
  const fields = [opened, ...head.allFields.filter(({ kind }) => kind !== FieldKind.Status)];
  if (clientKey !== '') fields.push(new Field(accept, acceptOf(clientKey)));
  return new HeaderBlock(fields);
}

/** The reply with which HTTP/2 opens a WebSocket, of the head of a 101. No length can be meant (RFC 9110 section 9.3.6). */
export function connectReplyOfSwitching(head: HeaderBlock): HeaderBlock {
  const fields = head.allFields.filter(
    ({ kind, name }) => kind === FieldKind.Regular && name !== accept && name !== 'trailer',
  );
  return new HeaderBlock([status200, ...fields]);
}

/** The key of a handshake, '' for none. */
export function keyOf(head: HeaderBlock): string {
  return head.get(key) ?? '';
}

/** A handshake with a key of ours, 16 bytes in base64 (RFC 6455 section 4.1). */
export function withKey(head: HeaderBlock, random: Random): HeaderBlock {
  const bytes = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) bytes.writeUInt32LE(random.u32(), at);
  return new HeaderBlock([...head.allFields, new Field(key, bytes.toString('base64'))]);
}

/** RFC 6455 section 4.2.2. */
export function acceptOf(handshakeKey: string): string {
  return createHash('sha1').update(`${handshakeKey}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
