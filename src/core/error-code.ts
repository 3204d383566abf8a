/**
 * HTTP/2 error codes, RFC 9113 section 7. Numbers on the wire of RST_STREAM and GOAWAY.
 */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** Any 32-bit number may arrive; the named ones are those RFC 9113 gives a meaning. */
export type ErrorCode = number;

const names = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** The RFC's name of a code, or its number in hex where the RFC names none. */
export function errorCodeName(code: ErrorCode): string {
  return names.get(code) ?? `0x${code.toString(16)}`;
}
