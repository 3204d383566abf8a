import { ErrorCode, errorCodeName } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ConnectionCore } from './connection-core.ts';
import { contentStart, Flag, FrameType, frameError, padLength, readU31, readU32 } from './frame.ts';
import { isRequest, isResponse, isTrailers } from './head-rules.ts';
import { applySettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/** What each frame does to a connection (RFC 9113 section 6). `start` to `end` is the payload, padding included. */
export function handleFrame(
  c: ConnectionCore,
  type: number,
  flags: number,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const error = frameError(type, flags, id, bytes, start, end);
  if (error !== ErrorCode.NO_ERROR && !(type === FrameType.WINDOW_UPDATE && id !== 0 && end - start === 4)) {
    return c.fail(error, `a malformed frame of type ${type}`);
  }
  if (!inOrder(c, type, flags, id)) return;
  switch (type) {
    case FrameType.DATA:
      return onData(c, flags, id, bytes, start, end);
    case FrameType.HEADERS:
      return onHeaders(c, flags, id, bytes, start, end);
    case FrameType.CONTINUATION:
      return onContinuation(c, flags, bytes, start, end);
    case FrameType.WINDOW_UPDATE:
      return onWindowUpdate(c, id, readU31(bytes, start));
    case FrameType.RST_STREAM:
      return onReset(c, id, readU32(bytes, start));
    case FrameType.SETTINGS:
      return onSettings(c, flags, bytes, start, end);
    case FrameType.PING:
      return onPing(c, flags, bytes, start);
    case FrameType.GOAWAY:
      return onGoaway(c, readU31(bytes, start), readU32(bytes, start + 4), bytes, start + 8, end);
    case FrameType.PUSH_PROMISE:
      return c.fail(ErrorCode.PROTOCOL_ERROR, 'push is not enabled');
    case FrameType.PRIORITY:
      // Deprecated (section 5.3) and ignored, but nobody honest makes a stream depend on itself.
      if (readU31(bytes, start) === id) return c.fail(ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself');
      return c.control();
    default:
      return c.control();
  }
}

/** May such a frame come now? If not, the connection has failed. */
function inOrder(c: ConnectionCore, type: number, flags: number, id: number): boolean {
  if (!c.settingsReceived && (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)) {
    c.fail(ErrorCode.PROTOCOL_ERROR, 'the first frame is not SETTINGS');
  } else if (c.assembly.expecting && (type !== FrameType.CONTINUATION || id !== c.assembly.streamId)) {
    c.fail(ErrorCode.PROTOCOL_ERROR, 'a header section was not continued');
  }
  return !c.over;
}

function onData(
  c: ConnectionCore,
  flags: number,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const length = end - start;
  const padded = (flags & Flag.PADDED) !== 0;
  const from = padded ? start + 1 : start;
  const to = padded ? end - bytes[start] : end;
  const stream = acceptData(c, flags, id, length, to - from);
  if (c.over) return;
  c.received(length);
  if (stream === null) return c.released(length);
  const last = (flags & Flag.END_STREAM) !== 0;
  stream.receiveData(bytes, from, to, length - (to - from), last);
  if (to === from && !last) c.glitch(1);
}

/**
 * DATA without padding whose payload comes in pieces. All that can be wrong with the frame is found here, and all that is
 * counted of frames is counted here: how its bytes were split on their way makes no difference.
 */
export function dataBegins(c: ConnectionCore, flags: number, id: number, lengthBytes: number): void {
  if (id === 0) return c.fail(ErrorCode.PROTOCOL_ERROR, `a malformed frame of type ${FrameType.DATA}`);
  if (inOrder(c, FrameType.DATA, flags, id)) acceptData(c, flags, id, lengthBytes, lengthBytes);
}

/** A piece of such a frame; its stream may be over by now, or was before it began, and then it is dropped. */
export function dataPiece(
  c: ConnectionCore,
  flags: number,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  whole: boolean,
): void {
  const length = end - start;
  const last = whole && (flags & Flag.END_STREAM) !== 0;
  const stream = c.streams.get(id);
  c.received(length);
  if (stream === undefined) c.released(length);
  else stream.receiveData(bytes, start, end, 0, last);
}

/**
 * Takes all of a DATA frame into account, `length` bytes with `contentBytes` that are no padding, whether or not they are
 * here yet. Returns the stream that is to get them, or null where nobody is; the connection may have failed.
 */
function acceptData(
  c: ConnectionCore,
  flags: number,
  id: number,
  length: number,
  contentBytes: number,
): Http2Stream | null {
  const last = (flags & Flag.END_STREAM) !== 0;
  if (!c.receiveWindow.receive(length))
    c.fail(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the connection window');
  else {
    const stream = c.streams.get(id);
    if (stream === undefined) onLateData(c, id, length, last);
    else if (!stream.open) {
      stream.failed({ kind: 'protocol', code: ErrorCode.STREAM_CLOSED, message: 'DATA after END_STREAM' });
    } else if (!stream.hasHead) stream.protocolError('DATA before HEADERS');
    else {
      if (contentBytes > 0 || last) c.messageFrames++;
      if (stream.acceptData(length, contentBytes, last)) return stream;
    }
  }
  return null;
}

/** DATA for a stream that is no more: its connection credit is returned, the rest depends on whose fault it is. */
function onLateData(c: ConnectionCore, id: number, length: number, last: boolean): void {
  if (isIdle(c, id)) return c.fail(ErrorCode.PROTOCOL_ERROR, 'DATA on an idle stream');
  if (last) c.endedMeanwhile(id);
  if (c.wasReset(id) === 'yes') return c.receivedLate(length);
  if (id > c.goawaySentLastId) return c.control();
  c.peerViolation(id, ErrorCode.STREAM_CLOSED);
}

function onHeaders(
  c: ConnectionCore,
  flags: number,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const from = contentStart(flags, start);
  const to = end - padLength(flags, bytes, start);
  const last = (flags & Flag.END_STREAM) !== 0;
  if ((flags & Flag.PRIORITY) !== 0 && readU31(bytes, from - 5) === id) {
    return c.fail(ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself');
  }
  if ((flags & Flag.END_HEADERS) === 0) return c.assembly.begin(id, last, bytes, from, to);
  onHeaderSection(c, id, last, bytes, from, to);
}

function onContinuation(
  c: ConnectionCore,
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const assembly = c.assembly;
  if (!assembly.expecting) return c.fail(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION without HEADERS');
  if (!assembly.add(bytes, start, end))
    return c.fail(ErrorCode.ENHANCE_YOUR_CALM, 'a header section without end');
  if ((flags & Flag.END_HEADERS) === 0) return;
  const id = assembly.streamId;
  const block = assembly.take();
  onHeaderSection(c, id, assembly.endStream, block, 0, block.length);
}

/** What a header section, the beginning of a call, costs in units of `workLeft`; long ones cost so much per 256 bytes. */
export const sectionWork = 16;

function onHeaderSection(
  c: ConnectionCore,
  id: number,
  last: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  c.workLeft -= sectionWork + ((end - start) >> 8) * sectionWork;
  // Decoded before anything else is asked: the table must stay in step whatever becomes of the stream.
  const block = c.decoder.decode(bytes, start, end);
  if (block === null)
    return c.fail(ErrorCode.COMPRESSION_ERROR, c.decoder.error ?? 'a malformed header section');
  const stream = c.streams.get(id);
  if (stream === undefined) {
    if (c.role === 'server' && id % 2 === 1 && id > c.lastPeerStreamId) return onRequest(c, id, block, last);
    return onLateHeaders(c, id, last);
  }
  c.messageFrames++;
  if (!stream.open) {
    return stream.failed({
      kind: 'protocol',
      code: ErrorCode.STREAM_CLOSED,
      message: 'HEADERS after END_STREAM',
    });
  }
  if (c.decoder.oversize) {
    return stream.failed({
      kind: 'protocol',
      code: ErrorCode.ENHANCE_YOUR_CALM,
      message: 'its headers are too large',
    });
  }
  if (stream.hasHead) {
    if (!last || !isTrailers(block)) return stream.protocolError('its trailers are malformed');
    return stream.receiveTrailers(block);
  }
  if (!isResponse(block)) return stream.protocolError('its header section is malformed');
  if (block.status < 200)
    return last ? stream.protocolError('a 1xx reply that ends the stream') : stream.receiveInterim(block);
  c.unansweredResets = 0;
  c.answers++;
  stream.receiveHead(block, last);
}

function onRequest(c: ConnectionCore, id: number, block: HeaderBlock, last: boolean): void {
  if (id > c.lastPeerStreamId + 2) {
    c.skippedAbove = c.lastPeerStreamId;
    c.skippedBelow = id;
  }
  c.lastPeerStreamId = id;
  if (id > c.goawaySentLastId) return c.glitch(1);
  if (c.streams.size >= c.options.maxConcurrentStreams) {
    c.refuse(id, ErrorCode.REFUSED_STREAM);
    return c.glitch(1);
  }
  const oversize = c.decoder.oversize;
  if (!oversize && !isRequest(block)) {
    c.refuse(id, ErrorCode.PROTOCOL_ERROR);
    return c.glitch(10);
  }
  const stream = c.newStream(id);
  if (oversize) {
    stream.receiveOversizeHead(last);
    c.listener.oversize(stream, block);
    return c.glitch(10);
  }
  // The receiver is set by the listener, so it gets the head with the stream and not from it.
  if (stream.receiveHead(block, last)) c.listener.stream(stream, block, last);
}

/** HEADERS on a stream that is no more, or never was. */
function onLateHeaders(c: ConnectionCore, id: number, last: boolean): void {
  if (isIdle(c, id)) return c.fail(ErrorCode.PROTOCOL_ERROR, 'HEADERS on a stream that cannot be');
  // An id that was passed over may not be used any more (section 5.1.1). Of earlier gaps nothing is kept: there it is as
  // with a stream that ended.
  if (c.role === 'server' && id > c.skippedAbove && id < c.skippedBelow)
    return c.fail(ErrorCode.PROTOCOL_ERROR, 'HEADERS on a stream id that was passed over');
  if (last) c.endedMeanwhile(id);
  const reset = c.wasReset(id);
  if (reset === 'yes' || id > c.goawaySentLastId) return c.control();
  if (c.role === 'server' && reset === 'no')
    return c.fail(ErrorCode.STREAM_CLOSED, 'HEADERS on a closed stream');
  c.peerViolation(id, ErrorCode.STREAM_CLOSED);
}

function onWindowUpdate(c: ConnectionCore, id: number, increment: number): void {
  c.control();
  if (c.over) return;
  if (id === 0) {
    if (!c.sendWindow.add(increment))
      return c.fail(ErrorCode.FLOW_CONTROL_ERROR, 'the connection window overflowed');
    return c.serveQueue();
  }
  const stream = c.streams.get(id);
  if (stream === undefined) {
    if (isIdle(c, id)) c.fail(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
    return;
  }
  if (increment === 0) return stream.protocolError('a window increment of 0');
  stream.receiveCredit(increment);
}

function onReset(c: ConnectionCore, id: number, code: ErrorCode): void {
  const stream = c.streams.get(id);
  if (stream !== undefined) {
    c.peerReset(stream);
    return c.over ? undefined : stream.receiveReset(code);
  }
  if (isIdle(c, id)) c.fail(ErrorCode.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
  else {
    c.endedMeanwhile(id);
    c.control();
  }
}

function onSettings(c: ConnectionCore, flags: number, bytes: Uint8Array, start: number, end: number): void {
  if ((flags & Flag.ACK) !== 0) {
    if (!c.settingsAcknowledged()) c.glitch(1);
    return;
  }
  const windowBefore = c.peer.initialWindowBytes;
  const error = applySettings(c.peer, c.writer.encoder, c.role === 'client', bytes, start, end);
  if (error !== ErrorCode.NO_ERROR) return c.fail(error, 'a setting out of its range');
  c.writer.settingsAck();
  c.writer.maxFrameBytes = Math.min(c.peer.maxFrameBytes, c.options.frameBytesMax);
  const change = c.peer.initialWindowBytes - windowBefore;
  if (change !== 0) {
    for (const stream of c.streams.all()) {
      if (!stream.adjustSendWindow(change)) {
        return c.fail(ErrorCode.FLOW_CONTROL_ERROR, 'a new initial window overflowed a stream');
      }
    }
  }
  // A stream that had waited for its window may have been the last one of a connection that is shut down.
  if (c.over) return;
  if (c.settingsReceived) c.glitch(10);
  else {
    c.settingsReceived = true;
    c.listener.ready();
  }
  if (!c.over) c.listener.capacity();
}

function onPing(c: ConnectionCore, flags: number, bytes: Uint8Array, start: number): void {
  if ((flags & Flag.ACK) === 0) c.writer.ping(true, bytes, start);
  c.control();
}

function onGoaway(
  c: ConnectionCore,
  lastId: number,
  code: ErrorCode,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const first = !c.goawayReceived;
  c.goawayReceived = true;
  c.goawayCode = code;
  // Notified first: calls that the loop below gives back look for another connection, and the last of them may end this one.
  if (first) c.listener.goaway();
  else c.glitch(10);
  if (c.role === 'client') {
    const said = Buffer.from(bytes.subarray(start, Math.min(end, start + 128))).toString('latin1');
    const message = `it said GOAWAY ${errorCodeName(code)}${said === '' ? '' : ` (${JSON.stringify(said)})`}`;
    for (const stream of c.streams.all()) {
      if (stream.id > lastId) stream.abandon({ kind: 'refused', code, message });
    }
  }
  c.endIfDone();
}

/** Neither side has opened it: anything but HEADERS or PRIORITY there is an error (section 5.1). */
function isIdle(c: ConnectionCore, id: number): boolean {
  if (c.role === 'server') return id % 2 === 0 || id > c.lastPeerStreamId;
  return id % 2 === 0 || id >= c.nextStreamId;
}
