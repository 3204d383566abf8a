import { ErrorCode } from '../core/error-code.ts';

/** Frame types, RFC 9113 section 6. Others are ignored (section 4.1). */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Frame flags; 0x1 means END_STREAM on DATA and HEADERS, ACK on SETTINGS and PING. */
export const Flag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Bytes of every frame header: length 24, type 8, flags 8, reserved 1, stream id 31. */
export const frameHeaderBytes = 9;

/** RFC 9113 section 4.2: what every endpoint must accept, and the default of SETTINGS_MAX_FRAME_SIZE. */
export const frameBytesDefault = 16_384;

/** What opens a client's side of a connection, RFC 9113 section 3.4. */
export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Reads 24 bits, the length of a frame. */
export function readU24(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
}

/** Reads 31 bits, ignoring the reserved one: stream ids and window increments. */
export function readU31(bytes: Uint8Array, at: number): number {
  return ((bytes[at] & 0x7f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Reads 32 bits unsigned: error codes and settings. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/**
 * Checks what RFC 9113 section 6 says of a frame by itself: its size, whether it stands on a stream or on the
 * connection, and its padding. Returns the connection error it is, or NO_ERROR. `start` to `end` is the payload.
 */
export function frameError(
  type: number,
  flags: number,
  streamId: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): ErrorCode {
  const length = end - start;
  switch (type) {
    case FrameType.DATA:
      if (streamId === 0) return ErrorCode.PROTOCOL_ERROR;
      return paddingError(flags, bytes, start, length, 0);
    case FrameType.HEADERS:
      if (streamId === 0) return ErrorCode.PROTOCOL_ERROR;
      return paddingError(flags, bytes, start, length, (flags & Flag.PRIORITY) !== 0 ? 5 : 0);
    case FrameType.PUSH_PROMISE:
      if (streamId === 0) return ErrorCode.PROTOCOL_ERROR;
      return promiseError(flags, bytes, start, length);
    case FrameType.PRIORITY:
      if (streamId === 0) return ErrorCode.PROTOCOL_ERROR;
      return length === 5 ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    case FrameType.RST_STREAM:
      if (streamId === 0) return ErrorCode.PROTOCOL_ERROR;
      return length === 4 ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    case FrameType.SETTINGS:
      if (streamId !== 0) return ErrorCode.PROTOCOL_ERROR;
      if ((flags & Flag.ACK) !== 0 && length !== 0) return ErrorCode.FRAME_SIZE_ERROR;
      return length % 6 === 0 ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    case FrameType.PING:
      if (streamId !== 0) return ErrorCode.PROTOCOL_ERROR;
      return length === 8 ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    case FrameType.GOAWAY:
      if (streamId !== 0) return ErrorCode.PROTOCOL_ERROR;
      return length >= 8 ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    case FrameType.WINDOW_UPDATE:
      if (length !== 4) return ErrorCode.FRAME_SIZE_ERROR;
      // A zero increment on a stream is a stream error only (section 6.9); the caller distinguishes them.
      return readU31(bytes, start) === 0 ? ErrorCode.PROTOCOL_ERROR : ErrorCode.NO_ERROR;
    case FrameType.CONTINUATION:
      return streamId === 0 ? ErrorCode.PROTOCOL_ERROR : ErrorCode.NO_ERROR;
    default:
      return ErrorCode.NO_ERROR;
  }
}

/** Bytes of padding, pad length byte not included; call only on frames that passed `frameError`. */
export function padLength(flags: number, bytes: Uint8Array, start: number): number {
  return (flags & Flag.PADDED) !== 0 ? bytes[start] : 0;
}

/** Where the data or the header block fragment begins: after the pad length and priority bytes. */
export function contentStart(flags: number, start: number): number {
  return start + ((flags & Flag.PADDED) !== 0 ? 1 : 0) + ((flags & Flag.PRIORITY) !== 0 ? 5 : 0);
}

function paddingError(
  flags: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  fixed: number,
): ErrorCode {
  if ((flags & Flag.PADDED) === 0) return length >= fixed ? ErrorCode.NO_ERROR : ErrorCode.FRAME_SIZE_ERROR;
  if (length < 1 + fixed) return ErrorCode.FRAME_SIZE_ERROR;
  return bytes[start] <= length - 1 - fixed ? ErrorCode.NO_ERROR : ErrorCode.PROTOCOL_ERROR;
}

function promiseError(flags: number, bytes: Uint8Array, start: number, length: number): ErrorCode {
  const error = paddingError(flags & Flag.PADDED, bytes, start, length, 4);
  if (error !== ErrorCode.NO_ERROR) return error;
  const promised = readU31(bytes, start + ((flags & Flag.PADDED) !== 0 ? 1 : 0));
  // Only a server promises, and a server's streams are even and never 0 (section 6.6).
  return promised !== 0 && promised % 2 === 0 ? ErrorCode.NO_ERROR : ErrorCode.PROTOCOL_ERROR;
}
